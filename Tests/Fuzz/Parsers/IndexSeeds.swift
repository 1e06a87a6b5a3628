import ByteFormats
import Foundation
import PipelineEngine
import Samples
import VectorIndex

/// Files of small indexes for the fuzzer to begin with, made by this very program: so their checksums are those it accepts.
enum IndexSeeds {
    private static let dimension = 20
    private static let rowCount = 270

    /// Writes the seeds of a parser into a folder; none for parsers that read no files of indexes.
    static func write(for parser: Parser, into folder: String) async throws {
        let endings: [Parser: String] = [
            .indexSegment: ".vsx", .indexCodec: ".vlc", .indexDeletions: ".vsd", .indexManifest: "",
        ]
        guard let ending = endings[parser] else { return }
        for (number, (profile, isUnpacked, isPartitioned)) in [
            (IndexProfile.plain, false, false), (.lite, false, false), (.std, false, false), (.std, true, false),
            (.full, false, false), (.full, true, false), (.lite, false, true), (.std, true, true), (.full, false, true),
        ].enumerated() {
            let index = NSTemporaryDirectory() + "/vlmpipe-seeds-\(getpid())"
            defer { try? FileManager.default.removeItem(atPath: index) }
            try await build(index, profile: profile, isUnpacked: isUnpacked, isPartitioned: isPartitioned)
            for name in try Folder.names(in: index)
            where ending.isEmpty ? name.hasPrefix("MANIFEST-") : name.hasSuffix(ending) {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: index + "/" + name))
                try bytes.write(to: URL(fileURLWithPath: folder + "/\(number)-\(name)"))
            }
        }
    }

    private static func build(
        _ path: String, profile: IndexProfile, isUnpacked: Bool, isPartitioned: Bool
    ) async throws {
        let pool = ComputePool(threadCount: 1)
        defer { pool.shutdown() }
        var writer = try IndexWriter.open(folder: path, space: VectorMatrix.space, dimension: dimension)
        let matrix = VectorMatrix(
            rowCount: rowCount, dimension: dimension, identity: ShardIdentity(dataset: "seed", shard: ""),
            keys: { $0.map { "key\($0)" } }, normalizing: true
        ) { rows in
            rows.flatMap { row in (0..<dimension).map { Float((row * 31 + $0 * 17) % 29) - 14.3 } }
        }
        try await writer.build(matrix, profile: profile, isUnpacked: isUnpacked, on: pool)
        if isPartitioned {
            try await writer.partition(.init(partitionRowCount: 40, minimumRowCount: 1), on: pool)
            // What a search reads of older files is in no seed.
            try writer.collectGarbage()
        }
        try writer.delete(.ids([3, 40, 269]))
    }
}
