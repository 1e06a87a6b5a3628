import Encoders
import Foundation
import PipelineEngine
import Reports

/// Lists, shows and chooses models.
public enum ModelWorkflow {
    /// A table of all models.
    public static func list(in session: Session) throws -> String {
        let store = ModelStore(workspace: session.workspace)
        let current = try store.currentName()
        var table = TerminalTable(columns: [
            .init("model"), .init("image tower"), .init("text tower"), .init("dimensions", alignsRight: true),
            .init("space"), .init(""),
        ])
        for name in try store.names() {
            let model = try store.model(named: name)
            let (vision, text) = (model.configuration.vision, model.configuration.text)
            table.rows.append([
                name, "\(vision.imageSize) px/\(vision.patchSize), \(vision.width) × \(vision.layerCount)",
                "\(text.width) × \(text.layerCount), \(text.contextLength) tokens",
                "\(model.configuration.embeddingDimension)", model.space.shortName, name == current ? "in use" : "",
            ])
        }
        if table.rows.isEmpty { return "there is no model yet; 'vlmpipe train' makes one\n" }
        return table.text(width: nil, usesColor: false)
    }

    /// What a model is, for people.
    public static func show(name: String?, in session: Session) throws -> String {
        let model = try ModelStore(workspace: session.workspace).model(named: name)
        let configuration = model.configuration
        let layout = try DualEncoderArchitecture(configuration).layout
        func line(_ name: String, _ value: String) -> String { TerminalText.padded(name, toWidth: 16) + value + "\n" }
        let (vision, text) = (configuration.vision, configuration.text)
        var result = line("model", model.name)
        result += line("folder", model.directory)
        result += line("parameters", ProgressReporter.grouped(layout.totalCount))
        result += line(
            "image tower",
            "\(vision.imageSize) px, patch \(vision.patchSize), \(vision.stem.rawValue) stem, width \(vision.width), "
                + "\(vision.layerCount) layers, \(vision.headCount) heads")
        result += line(
            "text tower",
            "\(text.contextLength) tokens, vocabulary \(ProgressReporter.grouped(text.vocabularySize)), "
                + "width \(text.width), \(text.layerCount) layers, \(text.headCount) heads")
        result += line("embedding", "\(configuration.embeddingDimension) dimensions")
        result += line("activation", configuration.activation.rawValue)
        let preprocessing = configuration.preprocessing
        result += line(
            "preprocessing",
            "\(preprocessing.resizeMode.rawValue), \(preprocessing.interpolation.rawValue), mean \(preprocessing.mean), "
                + "std \(preprocessing.std)")
        result += line("space", model.space.description)
        result += line("weights", model.digests.weights.description)
        result += line("tokenizer", model.digests.tokenizer.description)
        return result
    }

    /// Makes a model the one that commands use.
    public static func use(name: String, in session: Session) throws {
        try ModelStore(workspace: session.workspace).use(name)
        session.note("commands now use the model '\(name)'")
    }
}
