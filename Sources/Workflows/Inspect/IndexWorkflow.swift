import ByteFormats
import Foundation
import PipelineEngine
import SampleCatalog
import VectorIndex

/// Shows, checks and rebuilds the index of a model's space.
public enum IndexWorkflow {
    private static func space(_ model: String?, _ session: Session) throws -> (InstalledModel, SpaceFolder) {
        let model = try ModelStore(workspace: session.workspace).model(named: model)
        return (model, SpaceFolder(workspace: session.workspace, space: model.space))
    }

    /// The folder of a model's index, which must be there.
    public static func folder(model: String?, in session: Session) throws -> String {
        let (model, space) = try space(model, session)
        return try space.openIndex(model: model).path
    }

    /// The folders of a model's index, which must be there, and of its embeddings.
    public static func folders(model: String?, in session: Session) throws -> (index: String, embeddings: String) {
        let (model, space) = try space(model, session)
        return (try space.openIndex(model: model).path, space.embeddingsPath)
    }

    /// Rows, dimensions and bytes by section.
    public static func info(model: String?, asJSON: Bool, in session: Session) throws -> String {
        let (model, space) = try space(model, session)
        return try text(space.openIndex(model: model).information, asJSON: asJSON)
    }

    /// Rows, dimensions and bytes by section of the index in a folder.
    public static func info(folder: String, asJSON: Bool) throws -> String {
        let reader = try IndexReader(folder: folder)
        if let reason = reader.fallbackReason { StandardError.write("vlmpipe: \(reason)\n") }
        return try text(reader.information, asJSON: asJSON)
    }

    /// Checks every byte of the index in a folder.
    ///
    /// - Throws: `WorkflowError` with code `badData` that lists what is damaged.
    public static func verify(folder: String) throws -> String {
        let result = try IndexVerification.run(folder: folder)
        guard result.isSound else {
            throw WorkflowError(
                .badData,
                "\(result.findings.count) damaged places:\n  "
                    + result.findings.map(\.description).joined(separator: "\n  ") + "\nBuild the index again")
        }
        return "sound: \(result.fileCount) files (\(ByteText.text(result.byteCount)), "
            + "\(ProgressReporter.grouped(result.rowCount)) vectors)\n"
    }

    private static func text(_ information: IndexInformation, asJSON: Bool) throws -> String {
        if asJSON { return try JSONFile.text(information) }
        var text =
            "\(ProgressReporter.grouped(information.rows)) vectors of \(information.dimensions) dimensions "
            + "(\(ProgressReporter.grouped(information.images)) images, "
            + "\(ProgressReporter.grouped(information.captions)) captions) from \(information.shards) shards in "
            + "\(information.segments) segments\n"
            + "\(ByteText.text(information.bytes)), \((information.bytesPerVector * 10).rounded() / 10) bytes per vector "
            + "without keys; profile \(information.profiles.joined(separator: ", "))"
            + "\(information.isUnpacked ? ", unpacked" : "")"
            + "\(information.codesFor.map { ", codes rounded for \($0)" } ?? "")\n"
        if information.deleted > 0 {
            text += "\(ProgressReporter.grouped(information.deleted)) deleted vectors still take space: 'vlmpipe index "
            text += "compact' gives it back\n"
        }
        if information.partitions > 0 {
            text += "\(ProgressReporter.grouped(information.partitionedRows)) vectors in "
            text += "\(ProgressReporter.grouped(information.partitions)) partitions\n"
        }
        for (name, bytes) in information.sections.sorted(by: { $0.key < $1.key }) {
            text += "  \(name): \(ByteText.text(bytes))\n"
        }
        return text
    }

    /// Checks every checksum of the index and of the embeddings it was made from.
    ///
    /// - Throws: `WorkflowError` with code `badData` that lists what is damaged.
    public static func verify(model: String?, in session: Session) async throws -> String {
        let (model, space) = try space(model, session)
        _ = try space.openIndex(model: model)
        let (index, embeddings) = try await session.pool.run {
            (try IndexVerification.run(folder: space.indexPath), try verifyEmbeddings(space))
        }
        let findings = index.findings.map(\.description) + embeddings.problems
        guard findings.isEmpty else {
            throw WorkflowError(
                .badData,
                "\(findings.count) damaged places:\n  " + findings.joined(separator: "\n  ")
                    + "\nDelete damaged embeddings and run 'vlmpipe embed'; a damaged index alone is mended by "
                    + "'vlmpipe index rebuild'")
        }
        return "sound: \(index.fileCount) index files (\(ByteText.text(index.byteCount)), "
            + "\(ProgressReporter.grouped(index.rowCount)) vectors) and \(embeddings.count) embedding files\n"
    }

    private static func verifyEmbeddings(_ space: SpaceFolder) throws -> (count: Int, problems: [String]) {
        var problems: [String] = []
        let names = try Folder.names(in: space.embeddingsPath).filter { !$0.hasSuffix(".part") }.sorted()
        for name in names {
            do {
                try EmbeddingSegment(path: "\(space.embeddingsPath)/\(name)").verify()
            } catch {
                problems.append("\(error)")
            }
        }
        return (names.count, problems)
    }

    /// Makes the index anew from the embedding segments of all shards in the catalog.
    public static func rebuild(model: String?, in session: Session) async throws -> String {
        let (model, space) = try space(model, session)
        let catalog = try session.readCatalog()
        var segments: [EmbeddingSegment] = []
        for shard in try catalog.shards(states: [.complete]) {
            if let segment = try space.segment(of: shard), segment.header.shardDigest == shard.contentDigest {
                segments.append(segment)
            }
        }
        guard !segments.isEmpty else {
            throw WorkflowError(.usage, "nothing has been embedded with model '\(model.name)' yet; run 'vlmpipe embed'")
        }
        try FileManager.default.removeItem(atPath: space.indexPath)
        let kept = segments
        let rows = try await session.pool.run {
            var writer = try IndexWriter.open(
                folder: space.indexPath, space: model.space, dimension: model.configuration.embeddingDimension)
            try writer.seal(kept)
            try IndexUpkeep.run(on: &writer, catalog: catalog)
            return writer.manifest.rowCount
        }
        return "rebuilt the index: \(ProgressReporter.grouped(rows)) vectors from \(segments.count) shards\n"
    }
}
