import ByteFormats
import Foundation
import PipelineEngine
import SampleCatalog
import Samples
import VectorIndex

/// The folder of one embedding space: its embedding segments, and the index made from them.
struct SpaceFolder: Sendable {
    /// Path of the folder.
    let path: String
    /// The space.
    let space: SpaceFingerprint

    init(workspace: Workspace, space: SpaceFingerprint) {
        self.space = space
        path = "\(workspace.spacesDirectory)/\(space.shortName)"
    }

    /// The finished embedding segments and the parts under way.
    var embeddingsPath: String { path + "/embeddings" }
    /// The index.
    var indexPath: String { path + "/index.vlx" }

    /// The finished segment of a shard, if there is one; whether it is up to date is for the caller to see.
    func segment(of shard: CatalogShard) throws -> EmbeddingSegment? {
        let file = "\(embeddingsPath)/\(EmbeddingHeader.fileName(dataset: shard.dataset, shard: shard.name))"
        guard Folder.exists(file) else { return nil }
        return try EmbeddingSegment(path: file)
    }

    /// The index for searching.
    ///
    /// - Throws: `WorkflowError` when nothing is embedded with the model yet, `VectorIndexError` when the index is damaged.
    func openIndex(model: InstalledModel) throws -> IndexReader {
        guard Folder.exists(indexPath) else {
            throw WorkflowError(
                .usage,
                "nothing has been embedded with model '\(model.name)' yet; run 'vlmpipe embed --model \(model.name)'")
        }
        return try IndexReader(folder: indexPath)
    }
}

/// How much of the catalog the index of a space holds.
struct EmbeddedShare {
    /// Samples embedded, failed ones included.
    let embeddedCount: Int
    /// Samples in the catalog.
    let totalCount: Int

    var isComplete: Bool { embeddedCount >= totalCount }

    init(catalog: SampleCatalog, space: SpaceFolder) throws {
        var embedded = 0
        var total = 0
        let indexed =
            Folder.exists(space.indexPath) ? try IndexReader(folder: space.indexPath).shards : [:]
        for shard in try catalog.shards(states: [.complete]) {
            let found = Int(shard.cursor.ordinal)
            total += found
            let identity = ShardIdentity(dataset: shard.dataset, shard: shard.name)
            if let entry = indexed[identity], entry.shardDigest == shard.contentDigest { embedded += found }
        }
        embeddedCount = embedded
        totalCount = total
    }

    /// Such as `12,000 of 200,000 embedded`.
    var text: String {
        "\(ProgressReporter.grouped(embeddedCount)) of \(ProgressReporter.grouped(totalCount)) samples are embedded; "
            + "'vlmpipe embed' does the rest"
    }
}
