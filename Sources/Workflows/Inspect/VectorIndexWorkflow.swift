import ByteFormats
import Foundation
import PipelineEngine
import VectorIndex

/// What an index keeps of each vector.
public typealias VectorIndexProfile = IndexProfile
/// How thoroughly an index is searched.
public typealias VectorSearchMode = SearchMode
/// How an index's codes are read.
public typealias VectorIndexFileReading = FileReading

/// Indexes of vectors of any origin: files in, files and JSON out, no workspace.
public enum VectorIndexWorkflow {
    /// What `index build` is asked for.
    public struct BuildRequest: Sendable {
        /// `.npy`, `.fvecs` or `.bvecs`; a pipe, or `-` for the standard input, of the same formats.
        public var vectorsPath: String
        /// One key per line, if there are keys.
        public var keysPath: String?
        /// The index folder.
        public var outputPath: String
        /// What is kept.
        public var profile: IndexProfile
        /// Whether codes stay uncompressed.
        public var isUnpacked: Bool
        /// Whether vectors are divided by their lengths.
        public var isNormalized: Bool
        /// Whether rows are added to an index that is there.
        public var isAddition: Bool
        /// What the vectors are called; the name of their file if nil.
        public var name: String?
        /// Id of the first vector; the next one free if nil.
        public var firstID: UInt64?
        /// An index whose codec is used.
        public var codecPath: String?
        /// Vectors like those that will be asked for: codes are made for them.
        public var queriesPath: String?

        /// A request.
        public init(
            vectorsPath: String, keysPath: String?, outputPath: String, profile: IndexProfile, isUnpacked: Bool,
            isNormalized: Bool, isAddition: Bool, name: String? = nil, firstID: UInt64? = nil, codecPath: String? = nil,
            queriesPath: String? = nil
        ) {
            self.vectorsPath = vectorsPath
            self.keysPath = keysPath
            self.outputPath = outputPath
            self.profile = profile
            self.isUnpacked = isUnpacked
            self.isNormalized = isNormalized
            self.isAddition = isAddition
            self.name = name
            self.firstID = firstID
            self.codecPath = codecPath
            self.queriesPath = queriesPath
        }
    }

    /// The threads of a command without a workspace.
    static func pool(_ threads: Int?) -> ComputePool {
        ComputePool(threadCount: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    }

    /// Builds an index from a file of vectors, or adds the file's rows to one.
    ///
    /// - Throws: `WorkflowError` where the index is there already (or, for an addition, is not), or keys are too few.
    public static func build(_ request: BuildRequest, threads: Int?) async throws -> String {
        let exists = try !IndexWriter.canMake(folder: request.outputPath)
        guard exists == request.isAddition else {
            throw WorkflowError(
                .usage,
                exists
                    ? "there is something already; 'vlmpipe index add' adds to an index, or delete it first"
                    : "there is no index; 'vlmpipe index build' makes one", place: request.outputPath)
        }
        let started = ProgressReporter.monotonicSeconds()
        let pool = pool(threads)
        defer { pool.shutdown() }
        let source = try BuildSource(request)
        var writer = try IndexWriter.open(
            folder: request.outputPath, space: VectorMatrix.space, dimension: source.dimension)
        let identity = ShardIdentity(dataset: request.name ?? source.name, shard: "")
        if request.isAddition, writer.manifest.shards[identity] != nil {
            throw WorkflowError(
                .usage,
                "vectors called \(identity.dataset) are in the index already; --name calls these something else",
                place: request.outputPath)
        }
        if let codecPath = request.codecPath { try writer.useCodec(of: codecPath) }
        let firstID = request.firstID ?? writer.manifest.nextID
        guard firstID >= writer.manifest.nextID else {
            throw WorkflowError(
                .usage, "--first-id is \(firstID); ids up to \(writer.manifest.nextID) may be taken",
                place: request.outputPath)
        }
        let rowCount = try await source.add(to: &writer, identity: identity, firstID: firstID, request, on: pool)
        let seconds = ProgressReporter.monotonicSeconds() - started
        let rows = ProgressReporter.grouped(rowCount)
        return "\(request.isAddition ? "added" : "built") \(rows) vectors of \(source.dimension) dimensions in "
            + "\(ProgressReporter.duration(seconds))\n"
    }

    /// Rewrites the codes of an index uncompressed, for faster search, or compressed.
    public static func setPacking(of path: String, isUnpacked: Bool) throws -> String {
        let before = try IndexReader(folder: path)
        var writer = try IndexWriter.open(folder: path, space: before.space, dimension: before.dimension)
        let changed = try writer.setPacking(isUnpacked: isUnpacked)
        let after = try IndexReader(folder: path).information
        let word = isUnpacked ? "unpacked" : "packed"
        return changed == 0
            ? "everything was \(word) already\n"
            : "\(word) \(changed) segments: \(rounded(before.information.bytesPerVector)) bytes per vector before, "
                + "\(rounded(after.bytesPerVector)) now\n"
    }

    /// What recall is measured against.
    public enum TuningTruth: Sendable {
        /// The index's own exact search: by the vectors where it keeps them, else by its codes.
        case index
        /// The vectors of a file, whose ids count up from `firstID`.
        case file(String, firstID: UInt64)
        /// The embeddings that the index was made of.
        case embeddings(folder: String)
    }

    /// Measures approximate search on queries of a file and stores the result in the index.
    public static func tune(
        _ path: String, queriesPath: String, k: Int, truth: TuningTruth = .index, threads: Int?
    ) async throws -> String {
        let reader = try IndexReader(folder: path)
        let file = try VectorFile(path: queriesPath)
        guard file.dimension == reader.dimension else {
            throw WorkflowError(
                .badData, "queries of \(file.dimension) dimensions, the index has \(reader.dimension)",
                place: queriesPath)
        }
        let pool = pool(threads)
        defer { pool.shutdown() }
        let queries = try file.floats(rows: 0..<file.rowCount)
        let calibration = try await reader.calibration(
            queries: queries, neighborCount: k, truth: vectors(truth, reader), on: pool)
        var writer = try IndexWriter.open(folder: path, space: reader.space, dimension: reader.dimension)
        guard writer.manifest.generation == reader.manifest.generation else {
            throw WorkflowError(.tryAgain, "the index changed while it was measured; run it again", place: path)
        }
        try writer.store(calibration)
        return text(calibration, partitionedRowCount: reader.information.partitionedRows)
    }

    /// The vectors of a truth; nil for the index's own.
    private static func vectors(_ truth: TuningTruth, _ reader: IndexReader) throws -> VectorTruth? {
        switch truth {
        case .index: return nil
        case .file(let path, let firstID):
            let file = try VectorFile(path: path)
            guard file.dimension == reader.dimension else {
                throw WorkflowError(
                    .badData, "vectors of \(file.dimension) dimensions, the index has \(reader.dimension)", place: path)
            }
            return VectorTruth(file, firstID: firstID)
        case .embeddings(let folder):
            // An index that keeps its vectors knows as much by itself.
            guard !reader.knowsVectors else { return nil }
            let segments = try reader.shards.keys.sorted().map {
                try EmbeddingSegment(
                    path: folder + "/" + EmbeddingHeader.fileName(dataset: $0.dataset, shard: $0.shard))
            }
            return VectorTruth(segments, name: folder)
        }
    }

    /// Recalls whose least effort is printed.
    private static let printedRecalls = [0.8, 0.9, 0.95, IndexCalibration.defaultRecall, 0.98, 0.99, 0.995, 0.999]

    /// What was measured, for people: the least effort for each of some recalls, and the best.
    private static func text(_ calibration: IndexCalibration, partitionedRowCount: Int) -> String {
        let against =
            calibration.truth == .vectors
            ? "against the vectors themselves"
            : "against exact search over the codes of this index, which does not find all (--truth measures that)"
        let points = calibration.points
        let best = points.max { $0.recall < $1.recall }
        let reached =
            printedRecalls.compactMap { wanted in points.first { $0.recall >= wanted } } + [best].compactMap(\.self)
        let used = points.first { $0.recall >= IndexCalibration.defaultRecall } ?? best
        var lines: [[String]] = [["recall", "looked at again"] + (partitionedRowCount > 0 ? ["scanned"] : [])]
        var last: IndexCalibration.Point?
        for point in reached where point != last {
            last = point
            var line = ["\((point.recall * 10_000).rounded() / 10_000)", ProgressReporter.grouped(point.poolSize)]
            if partitionedRowCount > 0 {
                let share = point.rowBudget.map { Double($0) / Double(partitionedRowCount) } ?? 1
                let rows = ProgressReporter.grouped(point.rowBudget ?? partitionedRowCount)
                line.append("\(rows) (\((share * 10_000).rounded() / 100) %)")
            }
            if point == used { line.append("<- used unless --recall asks for another") }
            lines.append(line)
        }
        let widths = (0..<3).map { column in lines.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        let table = lines.map { line in
            let cells = line.enumerated().map { column, cell in
                column + 1 < line.count
                    ? cell + String(repeating: " ", count: max(0, widths[column] - cell.count)) : cell
            }
            return "  " + cells.joined(separator: "  ") + "\n"
        }
        return
            "recall@\(calibration.neighborCount) of approximate search on \(calibration.queryCount) queries, \(against);\n"
            + "of \(points.count) efforts the least that reached it:\n" + table.joined()
    }

    static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
