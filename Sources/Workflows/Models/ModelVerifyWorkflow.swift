import ByteFormats
import Foundation
import Reports
import Tokenization

/// What `vlmpipe model verify` found.
public struct ModelVerifyReport: Sendable {
    /// A table of the stages with their errors.
    public let table: String
    /// One sentence.
    public let summary: String
    /// Whether the model computes what its library computes.
    public let isVerified: Bool
}

/// Replays a model's golden vectors: the outputs of the library that defines it, stage by stage.
public enum ModelVerifyWorkflow {
    /// Compares everything in `golden.safetensors` of the model's folder.
    ///
    /// - Throws: `WorkflowError`: `noInput` when the folder has no such file, with the command that makes one; `badData` when it
    ///   belongs to another model.
    public static func run(with runtime: ModelRuntime) async throws -> ModelVerifyReport {
        let model = runtime.model
        let path = "\(model.directory)/\(GoldenComparison.fileName)"
        guard Folder.exists(path) else {
            throw WorkflowError(
                .noInput,
                "the model has no golden vectors: 'python3 Tests/Peers/golden.py make DIR' adds them to the folder of its "
                    + "checkpoint (Tests/Peers/setup.sh installs what that needs); then import the checkpoint again, or "
                    + "copy the file here", place: path)
        }
        let comparison = try await runtime.pool.run {
            try GoldenComparison(
                path: path, encoder: try model.encoder(), preprocessing: model.preprocessing,
                tokenizer: try model.tokenizerIfNeeded(byGoldenFile: path))
        }
        return report(comparison, name: model.name)
    }

    static func report(_ comparison: GoldenComparison, name: String) -> ModelVerifyReport {
        var table = TerminalTable(columns: [
            .init("stage"), .init("cosine", alignsRight: true), .init("max error", alignsRight: true), .init("bound"),
        ])
        for row in comparison.rows {
            let bound =
                row.bound.map { $0 == 0 ? "identical" : "\($0)" } ?? ""
            table.rows.append([
                row.stage, String(format: "%.9f", row.cosine), String(format: "%.2e", row.maximumError),
                row.isWithinBound ? bound : bound.isEmpty ? "not a number" : "MISSED: \(bound)",
            ])
        }
        let missed = comparison.rows.filter { !$0.isWithinBound }.map(\.stage)
        let summary: String
        if missed.isEmpty {
            summary =
                "\(name) computes what its library computes: embeddings within \(GoldenComparison.embeddingBound)"
        } else {
            let start = comparison.rows.first { $0.cosine < 0.999_99 || !$0.isWithinBound }.map(\.stage) ?? missed[0]
            summary =
                "\(name) does not compute what its library computes (\(missed.joined(separator: ", "))); the first stage that "
                + "differs is \(start)"
        }
        return ModelVerifyReport(
            table: table.text(width: nil, usesColor: false), summary: summary, isVerified: missed.isEmpty)
    }
}

extension OpenedModel {
    /// The tokenizer where a golden file holds texts; one made without a tokenizer can be replayed without one.
    func tokenizerIfNeeded(byGoldenFile path: String) throws -> TextTokenizer? {
        try SafetensorsFile(path: path).header["source.text.0"] == nil ? nil : tokenizer()
    }
}
