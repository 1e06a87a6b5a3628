import Kernels
import PipelineEngine

/// The rank of each query's best match among all candidates.
struct RetrievalRanks: Sendable {
    static let queryBlockRowCount = 128
    static let standardTileColumnCount = 8192

    let queries: FloatBuffer
    let candidates: FloatBuffer
    let dimension: Int
    let queryCount: Int
    let candidateCount: Int
    /// The matching candidates of every query, ascending; a query without any has no rank.
    let matches: [[Int]]
    let tileColumnCount: Int

    init(
        queries: FloatBuffer, candidates: FloatBuffer, dimension: Int, matches: [[Int]],
        tileColumnCount: Int = RetrievalRanks.standardTileColumnCount
    ) {
        self.queries = queries
        self.candidates = candidates
        self.dimension = dimension
        self.matches = matches
        self.tileColumnCount = tileColumnCount
        queryCount = queries.count / dimension
        candidateCount = candidates.count / dimension
        precondition(matches.count == queryCount, "RetrievalRanks: \(matches.count) lists for \(queryCount) queries")
    }

    /// Ranks count from 0; queries without a match are left out.
    func ranks(on pool: ComputePool) async throws -> [Int] {
        guard RowKernels.isFinite(FloatRegion(queries)), RowKernels.isFinite(FloatRegion(candidates)) else {
            throw TrainingError(
                .diverged, "an embedding is not finite; train again with a lower learningRate, or repair the model")
        }
        let blocks = stride(from: 0, to: queryCount, by: Self.queryBlockRowCount).map {
            $0..<min(queryCount, $0 + Self.queryBlockRowCount)
        }
        return try await pool.map(blocks) { ranks(of: $0) }.flatMap(\.self)
    }

    /// A match and its score.
    private struct Best {
        var column: Int
        var score: Float
    }

    private func ranks(of block: Range<Int>) -> [Int] {
        let scores = FloatBuffer(count: block.count * min(tileColumnCount, candidateCount))
        let tiles = stride(from: 0, to: candidateCount, by: tileColumnCount).map {
            $0..<min(candidateCount, $0 + tileColumnCount)
        }
        var best = [Best?](repeating: nil, count: block.count)
        var ranks = [Int](repeating: 0, count: block.count)
        // The best match must be known before the candidates before it can be counted, so several tiles are scored twice.
        for tile in tiles {
            score(block, tile, into: scores)
            for row in block.indices { noteBest(&best[row - block.lowerBound], row, block, tile, scores) }
        }
        for tile in tiles {
            if tiles.count > 1 { score(block, tile, into: scores) }
            scores.withSpan { scores in
                for (row, best) in best.enumerated() {
                    guard let best else { continue }
                    ranks[row] += Self.countBefore(
                        best, scores.extracting(row * tile.count..<(row + 1) * tile.count), tile)
                }
            }
        }
        return zip(best, ranks).compactMap { best, rank in best == nil ? nil : rank }
    }

    private func noteBest(
        _ best: inout Best?, _ row: Int, _ block: Range<Int>, _ tile: Range<Int>, _ scores: FloatBuffer
    ) {
        for column in matches[row] where tile.contains(column) {
            let score = scores[(row - block.lowerBound) * tile.count + column - tile.lowerBound]
            // Columns ascend, so of equal scores the first stays.
            if best.map({ score > $0.score }) ?? true { best = Best(column: column, score: score) }
        }
    }

    private static func countBefore(_ best: Best, _ scores: Span<Float>, _ tile: Range<Int>) -> Int {
        var count = 0
        let equalEnd = min(max(best.column - tile.lowerBound, 0), scores.count)
        for index in 0..<equalEnd where scores[index] >= best.score { count += 1 }
        for index in equalEnd..<scores.count where scores[index] > best.score { count += 1 }
        return count
    }

    private func score(_ block: Range<Int>, _ tile: Range<Int>, into scores: FloatBuffer) {
        MatrixProduct.multiply(
            FloatRegion(queries, offset: block.lowerBound * dimension, count: block.count * dimension),
            by: FloatRegion(candidates, offset: tile.lowerBound * dimension, count: tile.count * dimension),
            isRightTransposed: true, into: FloatRegion(scores), rowCount: block.count, columnCount: tile.count,
            depth: dimension)
    }
}
