import Foundation
import Imaging
import SampleCatalog
import Samples
import Shards

/// Reads the pictures of catalogued samples back from their shards.
///
/// May be used from any thread. Pixels are turned upright as the catalog says, which is how the data set was ingested.
struct SampleImages: Sendable {
    private let reader = ShardReader(
        runsCommands: ProcessInfo.processInfo.environment["VLMPIPE_RUN_COMMANDS"] == "1")

    /// The bytes of a sample's image, checked against the digest taken at ingest, if there is one. Samples of
    /// compressed tars and streams are best asked for in the order of their offsets.
    ///
    /// - Throws: `ShardError`: `fileMissing` when the shard is gone, `fileChanged` when it is not what was ingested.
    func bytes(of sample: CatalogSample) throws(ShardError) -> [UInt8] {
        try reader.read(
            MemberLocation(path: sample.imagePath, range: sample.image),
            digest: sample.digest.isOfUnreadBytes ? nil : sample.digest)
    }

    /// Brings samples that will be read soon into memory, as far as the system can; may wait for the disk.
    func prefetch(_ samples: [CatalogSample]) {
        reader.prefetch(samples.map { MemberLocation(path: $0.imagePath, range: $0.image) })
    }

    /// The upright pixels of a sample's image.
    func image(of sample: CatalogSample) throws -> PixelImage {
        try ImageDecoder.decode(bytes(of: sample), applyOrientation: false).oriented(sample.orientation)
    }

    /// The upright pixels, nil when something is wrong with this sample alone.
    func imageIfReadable(of sample: CatalogSample, in shard: CatalogShard) throws -> PixelImage? {
        do {
            return try image(of: sample)
        } catch {
            guard Quarantine.concernsOneSample(error, isInFolder: shard.kind.hasFiles) else { throw error }
            return nil
        }
    }
}
