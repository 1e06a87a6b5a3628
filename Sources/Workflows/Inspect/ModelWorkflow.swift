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
                name, "\(vision.imageSize) px, \(shortText(vision))",
                "\(text.width) × \(text.layerCount), \(text.contextLength) tokens",
                "\(model.configuration.embeddingDimension)", model.space.shortName, name == current ? "in use" : "",
            ])
        }
        if table.rows.isEmpty { return "there is no model yet; 'vlmpipe train' makes one\n" }
        return table.text(width: nil, usesColor: false)
    }

    /// What a model is, for people: shapes, sizes, cost, preprocessing, tokenizer and digests.
    public static func show(name: String?, in session: Session) throws -> String {
        let model = try ModelStore(workspace: session.workspace).model(named: name)
        let configuration = model.configuration
        let cost = try EncoderCost(configuration)
        func line(_ name: String, _ value: String) -> String { TerminalText.padded(name, toWidth: 18) + value + "\n" }
        func size(_ parameterCount: Int, _ operationCount: Int, _ item: String) -> String {
            String(
                format: "%.2f M parameters, %.2f GFLOP per %@", Double(parameterCount) / 1e6,
                Double(operationCount) / 1e9, item)
        }
        let (vision, text) = (configuration.vision, configuration.text)
        var result = line("model", model.name)
        result += line("folder", model.directory)
        result += line(
            "weights",
            model.description.storage.map { storage in
                "\(storage.fileNames.joined(separator: ", ")), names of \(storage.namingName)"
                    + (storage.positionInterpolation.map { ", positions interpolated (\($0.rawValue))" } ?? "")
            } ?? DualEncoder.weightsFileName)
        result += line("image tower", "\(vision.imageSize) px, \(towerText(vision, configuration.activation))")
        result += line("", size(cost.imageParameterCount, cost.imageOperationCount, "image"))
        result += line(
            "text tower",
            "\(text.contextLength) tokens, vocabulary \(ProgressReporter.grouped(text.vocabularySize)), "
                + "width \(text.width), \(text.layerCount) layers, \(text.headCount) heads, MLP \(text.hiddenWidth), "
                + "\((text.activation ?? configuration.activation).rawValue)"
                + (text.isCausal ? ", causal" : "")
                + ", pooled at \(text.pooling == .last ? "the last place" : "the end token")"
        )
        result += line("", size(cost.textParameterCount, cost.textOperationCount, "text"))
        result += line("embedding", "\(configuration.embeddingDimension) dimensions")
        let preprocessing = configuration.preprocessing
        result += line(
            "preprocessing",
            "\(preprocessing.resizeMode.rawValue), \(preprocessing.interpolation.rawValue), "
                + "crop \(preprocessing.cropRounding.rawValue), mean \(preprocessing.mean), std \(preprocessing.std)")
        result += line(
            "tokenizer",
            try model.tokenizerFileNames().joined(separator: ", ")
                + (model.digests.cleaning.map { "; text is cleaned as \($0.rawValue)" } ?? ""))
        result += line("space", model.space.description)
        result += line("weights digest", model.digests.weights.description)
        result += line("tokenizer digest", model.digests.tokenizer.description)
        for (name, digest) in (model.digests.files ?? [:]).sorted(by: { $0.key < $1.key }) {
            result += line("sha256", "\(digest)  \(name)")
        }
        return result
    }

    private static func shortText(_ vision: DualEncoderConfiguration.Vision) -> String {
        switch vision.architecture {
        case .transformer: "patch \(vision.patchSize), \(vision.width) × \(vision.layerCount)"
        case .convNeXt(let network): "ConvNeXt, \(network.widths.last ?? 0) × \(network.depths.reduce(0, +))"
        case .modifiedResNet(let network): "ResNet, \(vision.width) × \(network.depths.reduce(0, +))"
        }
    }

    private static func towerText(
        _ vision: DualEncoderConfiguration.Vision, _ activation: DualEncoderConfiguration.Activation
    ) -> String {
        switch vision.architecture {
        case .transformer:
            return "patch \(vision.patchSize), \(vision.stem.rawValue) stem, width \(vision.width), "
                + "\(vision.layerCount) layers, \(vision.headCount) heads of \(vision.headWidth), MLP \(vision.hiddenWidth), "
                + (vision.mlp == .swiGLU ? "swiGLU" : (vision.activation ?? activation).rawValue)
                + (vision.rotaryGridSize == nil ? "" : ", rotary positions")
                + ", pooled at \(vision.pooling == .classToken ? "the class token" : "a learned query")"
        case .convNeXt(let network):
            return "ConvNeXt of \(network.depths) blocks of \(network.widths) channels"
        case .modifiedResNet(let network):
            return "ResNet of \(network.depths) blocks, width \(network.stemWidth), \(network.headCount) heads"
        }
    }

    /// Makes a model the one that commands use.
    public static func use(name: String, in session: Session) throws {
        try ModelStore(workspace: session.workspace).use(name)
        session.note("commands now use the model '\(name)'")
    }
}
