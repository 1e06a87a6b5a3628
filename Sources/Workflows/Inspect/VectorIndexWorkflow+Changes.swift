import ByteFormats
import Foundation
import PipelineEngine
import VectorIndex

/// What an index is exported to.
public typealias VectorIndexExportFormat = IndexExport.Format

extension VectorIndexWorkflow {
    /// Opens an index that is there for writing.
    private static func writer(_ path: String) throws -> IndexWriter {
        let reader = try IndexReader(folder: path)
        return try IndexWriter.open(folder: path, space: reader.space, dimension: reader.dimension)
    }

    private static func grouped(_ count: Int) -> String { ProgressReporter.grouped(count) }

    /// Deletes rows by id or key.
    ///
    /// - Parameters:
    ///   - idsPath: `.npy` of whole numbers, or one per line.
    ///   - keysPath: one key per line.
    public static func delete(from path: String, idsPath: String?, keysPath: String?) throws -> String {
        var writer = try writer(path)
        var count = 0
        var wanted = 0
        if let idsPath {
            let ids = Set(try self.ids(idsPath))
            wanted += ids.count
            count += try writer.delete(.ids(ids))
        }
        if let keysPath {
            let lines = try LineFile(path: keysPath)
            let keys = Set(try lines.lines(0..<lines.count))
            wanted += keys.count
            count += try writer.delete(.keys(keys))
        }
        return
            "deleted \(grouped(count)) vectors for \(grouped(wanted)) ids or keys; \(grouped(writer.manifest.rowCount)) "
            + "are left; 'vlmpipe index compact' gives the space back\n"
    }

    private static func ids(_ path: String) throws -> [UInt64] {
        if path.lowercased().hasSuffix(".npy") { return try NumpyFile(path: path).unsignedIntegers() }
        let lines = try LineFile(path: path)
        return try lines.lines(0..<lines.count).enumerated().compactMap { number, line in
            let text = line.trimmingCharacters(in: .whitespaces)
            if text.isEmpty { return nil }
            guard let id = UInt64(text) else {
                throw WorkflowError(.badData, "line \(number + 1) is no id (a whole number, 0 or more)", place: path)
            }
            return id
        }
    }

    /// Whether and how rows are stored by partition.
    public enum Partitioning: Sendable {
        /// As soon as 5,000,000 rows are not, and have codes.
        case automatic
        /// All rows that have codes, in partitions of about so many rows, or of as many as fit their number.
        case forced(rowCount: Int?)

        var request: IndexWriter.Partitioning {
            switch self {
            case .automatic: IndexWriter.Partitioning()
            case .forced(let rowCount):
                IndexWriter.Partitioning(
                    partitionRowCount: rowCount, minimumRowCount: 1, includesPartitioned: true)
            }
        }
    }

    /// Merges small segments, drops deleted rows, gives rows the codes of a profile, and stores them by partition.
    public static func compact(
        _ path: String, profile: IndexProfile?, isUnpacked: Bool?, partitioning: Partitioning = .automatic,
        threads: Int? = nil
    ) async throws -> String {
        let before = try IndexReader(folder: path).information
        var writer = try writer(path)
        let compaction = try writer.compact(.init(profile: profile, isUnpacked: isUnpacked))
        let pool = pool(threads)
        defer { pool.shutdown() }
        let division = try await writer.partition(partitioning.request, on: pool)
        let garbage = try writer.collectGarbage()
        let after = try IndexReader(folder: path).information
        guard compaction.isPublished || division.isPublished || garbage.fileCount > 0 else { return "nothing to do\n" }
        var text =
            "\(before.segments) segments before, \(after.segments) now; \(grouped(before.deleted)) deleted rows dropped; "
            + "\(ByteText.text(before.bytes)) before, \(ByteText.text(after.bytes)) now\n"
        if after.partitions > 0 {
            text += "\(grouped(after.partitionedRows)) vectors in \(grouped(after.partitions)) partitions\n"
        }
        return text
    }

    /// Makes an index of all rows of others.
    public static func merge(_ paths: [String], into output: String) throws -> String {
        guard try IndexWriter.canMake(folder: output) else {
            throw WorkflowError(
                .usage, "there is something already; 'vlmpipe index adopt' adds indexes to one, or name another place",
                place: output)
        }
        guard let first = paths.first else { throw WorkflowError(.usage, "name the indexes to merge") }
        let reader = try IndexReader(folder: first)
        var writer = try IndexWriter.open(folder: output, space: reader.space, dimension: reader.dimension)
        do {
            try writer.merge(paths)
        } catch {
            // What was just made and holds nothing is not left behind.
            if writer.manifest.generation == 0 { try FileManager.default.removeItem(atPath: output) }
            throw error
        }
        return "merged \(paths.count) indexes: \(grouped(writer.manifest.rowCount)) vectors in "
            + "\(writer.manifest.segments.count) segments\n"
    }

    /// Takes over the segments of other indexes as they are.
    public static func adopt(_ paths: [String], into path: String) throws -> String {
        var writer = try writer(path)
        let change = try writer.adopt(paths)
        let known = change.unchanged.isEmpty ? "" : "; \(change.unchanged.count) shards were here already"
        return
            "adopted \(change.sealed.count) shards\(known); the index has \(grouped(writer.manifest.rowCount)) vectors\n"
    }

    /// Mends a damaged index with what can be read of it.
    public static func repair(_ path: String) throws -> String {
        let report = try IndexWriter.repair(folder: path)
        guard !report.wasSound else { return "sound: \(grouped(report.rowCount)) vectors, nothing was changed\n" }
        var text = report.findings.map { "  \($0)\n" }.joined()
        text += "\(report.wholeSegmentCount) segments were whole, \(report.mendedSegmentCount) are mended; "
        text += "\(grouped(report.lostRowCount)) vectors are lost, \(grouped(report.rowCount)) are left\n"
        if !report.incompleteShards.isEmpty {
            let names = Set(report.incompleteShards.map { $0.shard.isEmpty ? $0.dataset : "\($0.dataset)/\($0.shard)" })
            text +=
                "incomplete: \(names.sorted().joined(separator: ", ")); 'vlmpipe embed' puts them back in a workspace, "
            text += "otherwise build them again\n"
        }
        return text
    }

    /// Removes what only older states of an index need.
    public static func collectGarbage(_ path: String) throws -> String {
        var writer = try writer(path)
        let garbage = try writer.collectGarbage()
        return "removed \(garbage.fileCount) files, \(ByteText.text(garbage.byteCount))\n"
    }

    /// Writes the vectors of an index to a file of another kind.
    public static func export(
        _ path: String, to output: String, as format: IndexExport.Format, target: SearchTarget
    ) throws -> String {
        let reader = try IndexReader(folder: path)
        let count = try IndexExport.write(reader, kinds: target.kinds, to: output, as: format)
        return "wrote \(grouped(count)) vectors of \(reader.dimension) dimensions to \(output)\n"
    }
}

extension SearchTarget {
    /// The vectors that are meant.
    var kinds: VectorKinds {
        switch self {
        case .images: .images
        case .captions: .captions
        case .both: .all
        }
    }
}
