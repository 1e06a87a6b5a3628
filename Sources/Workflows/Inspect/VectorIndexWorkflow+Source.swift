import ByteFormats
import Foundation
import PipelineEngine
import VectorIndex

/// Where `index build` takes its vectors from: a file that is mapped, or a stream that is read once.
enum BuildSource {
    case file(VectorFile, keys: LineFile?)
    case stream(VectorStream, keys: LineFile?)

    init(_ request: VectorIndexWorkflow.BuildRequest) throws {
        let keys = try request.keysPath.map { try LineFile(path: $0) }
        if SequentialFile.isNeeded(for: request.vectorsPath) {
            self = .stream(try VectorStream(path: request.vectorsPath), keys: keys)
            return
        }
        let file = try VectorFile(path: request.vectorsPath)
        if let keys, keys.count != file.rowCount {
            throw WorkflowError(
                .badData, "\(keys.count) keys for \(file.rowCount) vectors; one line per vector is needed",
                place: request.keysPath)
        }
        self = .file(file, keys: keys)
    }

    /// What the vectors are called if nothing else is said.
    var name: String {
        switch self {
        case .file(let file, _): URL(fileURLWithPath: file.path).lastPathComponent
        case .stream(let stream, _): stream.path
        }
    }

    var dimension: Int {
        switch self {
        case .file(let file, _): file.dimension
        case .stream(let stream, _): stream.dimension
        }
    }

    /// Adds the vectors to an index; returns how many there were.
    func add(
        to writer: inout IndexWriter, identity: ShardIdentity, firstID: UInt64,
        _ request: VectorIndexWorkflow.BuildRequest, on pool: ComputePool
    ) async throws -> Int {
        let queries = try request.queriesPath.map(queries) ?? []
        switch self {
        case .file(let file, let keys):
            guard file.rowCount <= Int(clamping: UInt64.max - firstID) else {
                throw WorkflowError(
                    .usage, "--first-id is \(firstID), which leaves too few ids", place: request.outputPath)
            }
            var keyLines: (@Sendable (Range<Int>) throws -> [String])?
            if let keys { keyLines = { try keys.lines($0) } }
            let matrix = VectorMatrix(
                rowCount: file.rowCount, dimension: file.dimension, identity: identity, firstID: firstID,
                keys: keyLines, normalizing: request.isNormalized
            ) { try file.floats(rows: $0) }
            try await writer.build(
                matrix, queries: queries, profile: request.profile, isUnpacked: request.isUnpacked, on: pool)
            return file.rowCount
        case .stream(let stream, let keys):
            return try await writer.build(
                stream, identity: identity, firstID: firstID, keys: keys, normalizing: request.isNormalized,
                queries: queries, profile: request.profile, isUnpacked: request.isUnpacked, on: pool)
        }
    }

    private func queries(path: String) throws -> [Float] {
        let file = try VectorFile(path: path)
        guard file.dimension == dimension, file.rowCount > 0 else {
            throw WorkflowError(
                .badData, "\(file.rowCount) queries of \(file.dimension) dimensions for vectors of \(dimension)",
                place: path)
        }
        return try file.floats(rows: 0..<file.rowCount)
    }
}
