import Foundation
import Samples
import Testing

@testable import SampleCatalog

/// A catalog in a folder of its own, removed at the end, and short ways to fill it.
final class CatalogFixture {
    let folder: String
    let catalog: SampleCatalog

    init() throws {
        folder = NSTemporaryDirectory() + "vlmpipe-catalog-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        catalog = try SampleCatalog(path: folder + "/catalog.sqlite", access: .write)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("left behind: \(folder): \(error)") }
    }

    func record(
        _ ordinal: UInt32, key: String? = nil, split: String = "train", captions: [String] = [],
        attributes: [SampleAttribute] = [], orientation: ImageOrientation = .upright, image: String? = nil
    ) -> SampleRecord {
        SampleRecord(
            ordinal: ordinal, key: key ?? "k\(ordinal)", split: Split(rawValue: split),
            image: ByteRange(offset: Int64(ordinal) * 1024 + 512, byteCount: 100), format: .jpeg, pixelWidth: 640,
            pixelHeight: 480, orientation: orientation, digest: Digest(hashing: image ?? "image \(ordinal)"),
            captions: captions, attributes: attributes)
    }

    func registration(
        _ path: String, root: String = "/data", dataset: String = "d", kind: CatalogShard.Kind = .tar
    ) -> ShardRegistration {
        ShardRegistration(dataset: dataset, rootPath: root, path: path, kind: kind, name: path, settings: "s")
    }

    @discardableResult
    func add(
        _ path: String, root: String = "/data", dataset: String = "d", samples: [SampleRecord],
        quarantine: [QuarantineRecord] = [], files: [FileRecord] = []
    ) throws -> CatalogShard {
        var chunk = SampleChunk(cursor: .init(byteOffset: 9, ordinal: UInt32(samples.count), digest: nil))
        chunk.samples = samples
        chunk.quarantine = quarantine
        chunk.files = files
        return try catalog.registerComplete(
            registration(path, root: root, dataset: dataset, kind: files.isEmpty ? .tar : .folder), chunk: chunk)
    }

    func refusal(_ ordinal: UInt32, stage: String = "ingest", code: String = "c") -> QuarantineRecord {
        QuarantineRecord(
            ordinal: ordinal, stage: stage, key: "k\(ordinal)", byteOffset: 5, code: code, reason: "because")
    }

    func file(_ ordinal: UInt32, _ path: String) -> FileRecord {
        FileRecord(
            ordinal: ordinal, path: path, key: String(path.prefix { $0 != "." }), signature: Digest(hashing: path))
    }
}
