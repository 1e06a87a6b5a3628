import Foundation
import Reports
import SampleCatalog
import Samples
import Training
import VectorIndex

/// What `vlmpipe eval` is asked for.
public struct EvaluateRequest: Sendable {
    /// The split to measure on.
    public var split: String
    /// The model; the one in use if nil.
    public var model: String?
    /// Only these data sets; all if empty.
    public var datasets: [String]

    /// A request.
    public init(split: String, model: String?, datasets: [String]) {
        self.split = split
        self.model = model
        self.datasets = datasets
    }
}

/// Retrieval recall on a split, from the stored embeddings.
public enum EvaluateWorkflow {
    /// Measures recall in both directions over all samples of the split that have captions.
    ///
    /// Uses the embeddings that search uses (stored as F16).
    ///
    /// - Throws: `WorkflowError` with code `usage` when the split has no captioned samples, or they are not embedded yet.
    public static func run(_ request: EvaluateRequest, in session: Session) async throws -> RetrievalMetrics {
        let model = try ModelStore(workspace: session.workspace).model(named: request.model)
        let catalog = try session.readCatalog()
        let space = SpaceFolder(workspace: session.workspace, space: model.space)
        let dimension = model.configuration.embeddingDimension
        let split = Split(rawValue: request.split)

        var images: [Float] = []
        var texts: [Float] = []
        var imageOfText: [Int] = []
        let names = try request.datasets.isEmpty ? catalog.datasetNames() : request.datasets
        for name in names {
            for shard in try catalog.shards(ofDataset: name, split: split, states: [.complete]) {
                var wanted: Set<UInt32> = []
                try catalog.forEachChunk(ofShard: shard.id, count: 4096, split: split, includesQuarantined: false) {
                    chunk in
                    for sample in chunk where !sample.captions.isEmpty { wanted.insert(sample.ordinal) }
                }
                guard !wanted.isEmpty else { continue }
                guard let segment = try space.segment(of: shard), segment.header.shardDigest == shard.contentDigest
                else {
                    throw WorkflowError(
                        .usage,
                        "shard \(shard.name) is not embedded with model '\(model.name)' yet; run "
                            + "'vlmpipe embed --model \(model.name)'")
                }
                try append(segment, wanted, dimension, &images, &texts, &imageOfText)
            }
        }
        guard !imageOfText.isEmpty else {
            throw WorkflowError(
                .usage,
                "the split '\(request.split)' has no captioned samples to measure on; "
                    + "'vlmpipe dataset stats' lists the splits")
        }
        return try await RetrievalMetrics.evaluate(
            split: request.split, images: images, texts: texts, dimension: dimension, imageOfText: imageOfText,
            on: session.pool)
    }

    private static func append(
        _ segment: EmbeddingSegment, _ wanted: Set<UInt32>, _ dimension: Int, _ images: inout [Float],
        _ texts: inout [Float], _ imageOfText: inout [Int]
    ) throws {
        var current: (ordinal: UInt32, image: Int)?
        for number in 0..<segment.chunkCount {
            let chunk = try segment.chunk(at: number)
            for (index, row) in chunk.rows.enumerated() where wanted.contains(row.ordinal) {
                let vector = chunk.vectors[index * dimension..<(index + 1) * dimension]
                switch row.view {
                case .image:
                    current = (row.ordinal, images.count / dimension)
                    images += vector
                case .caption:
                    guard let current, current.ordinal == row.ordinal else { continue }
                    texts += vector
                    imageOfText.append(current.image)
                case .tile: continue
                }
            }
        }
    }
}

extension RetrievalMetrics {
    /// The figures for people, in percent.
    public var table: String {
        var table = TerminalTable(columns: [
            .init("\(split): \(images) images, \(texts) captions"), .init("R@1", alignsRight: true),
            .init("R@5", alignsRight: true), .init("R@10", alignsRight: true), .init("median rank", alignsRight: true),
        ])
        for (name, direction) in [("text to image", textToImage), ("image to text", imageToText)] {
            let recalls = [direction.recallAt1, direction.recallAt5, direction.recallAt10]
            table.rows.append(
                [name] + recalls.map { String(format: "%.1f", $0 * 100) }
                    + [String(format: "%.1f", direction.medianRank)])
        }
        return table.text(width: nil, usesColor: false)
    }
}
