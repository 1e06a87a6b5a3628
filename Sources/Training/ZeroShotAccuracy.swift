import Kernels
import PipelineEngine

/// Classification by the nearest class name: the share of images whose class is first, or among the first five.
///
/// A class is the normalised mean of its prompts' unit-length embeddings (Radford et al. 2021, section 3.1.4).
public struct ZeroShotAccuracy: Codable, Sendable, Equatable {
    /// Images that were classified.
    public let images: Int
    /// Classes to choose from.
    public let classes: Int
    /// The share of images whose class has the greatest score; of equal scores the first class counts.
    public let top1: Double
    /// The share of images whose class is among the five greatest.
    public let top5: Double

    /// Classifies images.
    ///
    /// - Parameters:
    ///   - images: [N, E] unit-length embeddings, row-major.
    ///   - prompts: for each class, [prompts, E] unit-length embeddings; at least one prompt.
    ///   - labels: the class of each image.
    /// - Throws: `TrainingError` (`diverged`) when a value is not finite, `CancellationError`.
    public static func evaluate(
        images: [Float], prompts: [[Float]], labels: [Int], dimension: Int, on pool: ComputePool
    ) async throws -> ZeroShotAccuracy {
        precondition(
            dimension > 0 && images.count == labels.count * dimension && labels.allSatisfy(prompts.indices.contains)
                && prompts.allSatisfy { !$0.isEmpty && $0.count.isMultiple(of: dimension) },
            "ZeroShotAccuracy: sizes of images, prompts and labels do not fit dimension \(dimension)")
        let classes = FloatBuffer(prompts.flatMap { Self.classEmbedding($0, dimension: dimension) })
        let ranks = try await RetrievalRanks(
            queries: FloatBuffer(images), candidates: classes, dimension: dimension, matches: labels.map { [$0] }
        ).ranks(on: pool)
        func share(_ limit: Int) -> Double {
            ranks.isEmpty ? 0 : Double(ranks.count { $0 < limit }) / Double(ranks.count)
        }
        return ZeroShotAccuracy(images: labels.count, classes: prompts.count, top1: share(1), top5: share(5))
    }

    /// Mean of the rows in Double, divided by its norm; zero if the mean is zero.
    static func classEmbedding(_ prompts: [Float], dimension: Int) -> [Float] {
        var sums = [Double](repeating: 0, count: dimension)
        for (index, value) in prompts.enumerated() { sums[index % dimension] += Double(value) }
        let norm = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return sums.map { norm > 0 ? Float($0 / norm) : 0 }
    }
}
