import ByteFormats
import Foundation
import PipelineEngine
import VectorIndex

/// What `index query` prints with `--json`.
public struct VectorQueryReport: Sendable, Codable {
    /// `exact`, `exact over 8-bit codes`, `exact over 4-bit codes` or `approx`.
    public var mode: String
    /// Measured recall of this way of searching; null where it was not measured.
    public var recall: Double?
    /// Median time of single calls, or the time of the whole batch divided by its queries.
    public var millisecondsPerQuery: Double
    /// Time from the start of the command to the first answer, opening included.
    public var millisecondsToFirst: Double
    /// Queries.
    public var queries: Int
    /// Vectors in the index.
    public var rows: Int
    /// Neighbours asked for.
    public var k: Int
    /// Rows looked at again per query of an approximate search.
    public var poolSize: Int?
    /// Rows scanned per query in segments stored by partition; null where all are.
    public var rowBudget: Int?
    /// What the recall was measured against: `vectors` or `codes`; null without a recall.
    public var recallTruth: String?
    /// The hits of the first queries.
    public var hits: [[Hit]]

    /// One hit.
    public struct Hit: Sendable, Codable {
        /// Id of the vector.
        public var id: UInt64
        /// Its key, if it has one.
        public var key: String?
        /// Inner product.
        public var score: Float
    }

    private enum CodingKeys: String, CodingKey {
        case mode, recall, millisecondsPerQuery, millisecondsToFirst, queries, rows, k, poolSize, rowBudget, recallTruth
        case hits
    }

    /// Writes null where nothing was measured: additions only, never a missing key.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(mode, forKey: .mode)
        try container.encode(recall, forKey: .recall)
        try container.encode(millisecondsPerQuery, forKey: .millisecondsPerQuery)
        try container.encode(millisecondsToFirst, forKey: .millisecondsToFirst)
        try container.encode(queries, forKey: .queries)
        try container.encode(rows, forKey: .rows)
        try container.encode(k, forKey: .k)
        try container.encode(poolSize, forKey: .poolSize)
        try container.encode(rowBudget, forKey: .rowBudget)
        try container.encode(recallTruth, forKey: .recallTruth)
        try container.encode(hits, forKey: .hits)
    }

    /// A line for people and the hits of the first query.
    public var text: String {
        var text = "\(mode), \(queries) queries over \(ProgressReporter.grouped(rows)) vectors, "
        text += "\((millisecondsPerQuery * 1000).rounded() / 1000) ms per query"
        if let recall {
            text += ", recall@\(k) \((recall * 1000).rounded() / 1000) measured"
            if recallTruth == "codes" { text += " against exact search over its codes" }
        }
        text += "\n"
        for hit in hits.first ?? [] { text += "\(hit.score)\t\(hit.id)\t\(hit.key ?? "")\n" }
        return text
    }
}

extension VectorIndexWorkflow {
    /// What `index query` is asked for.
    public struct QueryRequest: Sendable {
        /// The index folder.
        public var indexPath: String
        /// `.npy`, `.fvecs` or `.bvecs`.
        public var vectorsPath: String
        /// How many neighbours.
        public var k: Int
        /// How thoroughly to look.
        public var mode: SearchMode
        /// Whether all queries are answered in one call.
        public var isBatch: Bool
        /// How codes are read.
        public var reading: FileReading
        /// Where ids go: Int64 [Q, K], -1 where there are fewer.
        public var idsPath: String?
        /// Where scores go: Float32 [Q, K], NaN where there are fewer.
        public var scoresPath: String?

        /// A request.
        public init(
            indexPath: String, vectorsPath: String, k: Int, mode: SearchMode, isBatch: Bool, reading: FileReading,
            idsPath: String?, scoresPath: String?
        ) {
            self.indexPath = indexPath
            self.vectorsPath = vectorsPath
            self.k = k
            self.mode = mode
            self.isBatch = isBatch
            self.reading = reading
            self.idsPath = idsPath
            self.scoresPath = scoresPath
        }
    }

    /// Queries whose hits are in the report.
    private static let reportedQueryCount = 10

    /// Answers queries from a file.
    public static func query(_ request: QueryRequest, threads: Int?) async throws -> VectorQueryReport {
        let started = ProgressReporter.monotonicSeconds()
        let reader = try IndexReader(folder: request.indexPath, reading: request.reading)
        if let reason = reader.fallbackReason { StandardError.write("vlmpipe: \(reason)\n") }
        let file = try VectorFile(path: request.vectorsPath)
        guard file.dimension == reader.dimension else {
            throw WorkflowError(
                .badData, "queries of \(file.dimension) dimensions, the index has \(reader.dimension)",
                place: request.vectorsPath)
        }
        let pool = pool(threads)
        defer { pool.shutdown() }
        let vectors = try file.floats(rows: 0..<file.rowCount)
        func search(_ range: Range<Int>) async throws -> SearchAnswer {
            try await reader.search(
                VectorIndex.SearchRequest(
                    space: reader.space, dimension: reader.dimension,
                    queries: Array(vectors[range.lowerBound * file.dimension..<range.upperBound * file.dimension]),
                    neighborCount: request.k, kinds: .all), mode: request.mode, on: pool)
        }
        var answers: [SearchAnswer] = []
        var times: [Double] = []
        var first: Double?
        let step = request.isBatch ? max(1, file.rowCount) : 1
        // From a thread of the pool a search has no way to go.
        try await withTaskExecutorPreference(pool) {
            for start in stride(from: 0, to: file.rowCount, by: step) {
                let before = ProgressReporter.monotonicSeconds()
                answers.append(try await search(start..<min(file.rowCount, start + step)))
                let now = ProgressReporter.monotonicSeconds()
                times.append((now - before) * 1000 / Double(min(step, file.rowCount - start)))
                first = first ?? (now - started) * 1000
            }
        }
        if answers.isEmpty { answers.append(try await search(0..<0)) }
        let hits = answers.flatMap(\.hits)
        try write(hits, request)
        return VectorQueryReport(
            mode: answers[0].mode, recall: answers[0].recall, millisecondsPerQuery: median(times),
            millisecondsToFirst: first ?? 0, queries: file.rowCount, rows: reader.rowCount, k: request.k,
            poolSize: answers[0].poolSize, rowBudget: answers[0].rowBudget,
            recallTruth: answers[0].recallTruth?.rawValue,
            hits: hits.prefix(reportedQueryCount).map { list in
                list.map { VectorQueryReport.Hit(id: $0.id, key: $0.key.isEmpty ? nil : $0.key, score: $0.score) }
            })
    }

    private static func write(_ hits: [[VectorIndex.SearchHit]], _ request: QueryRequest) throws {
        let shape = [hits.count, request.k]
        if let path = request.idsPath {
            let ids = hits.flatMap { list in
                (0..<request.k).map { $0 < list.count ? Int64(bitPattern: list[$0].id) : -1 }
            }
            try NumpyFile.write(path: path, shape: shape, integers: ids)
        }
        if let path = request.scoresPath {
            let scores = hits.flatMap { list in (0..<request.k).map { $0 < list.count ? list[$0].score : .nan } }
            try NumpyFile.write(path: path, shape: shape, floats: scores)
        }
    }

    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
