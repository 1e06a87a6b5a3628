import Foundation

/// The form of `model.json`; see `Schemas/model.schema.json`. Decoding is strict: unknown keys, missing keys and bad values are one
/// `EncodersError` that names them all.
extension DualEncoderConfiguration: Codable {
    /// The version this code writes and reads.
    static let formatVersion = "0.1"
    /// The architecture family of our own models.
    static let family = "vlmpipe"

    /// Reads `model.json`.
    public init(from decoder: any Decoder) throws {
        var object: StrictObject
        do {
            object = try StrictObject(decoder)
        } catch {
            throw EncodersError(
                .invalidDescription, "is not a JSON object; write it as `vlmpipe` does", at: "model.json", cause: error)
        }
        Self.readFormat(&object)
        let model = object.object("model_cfg", Self.readModel)
        let preprocessing = object.object("preprocess_cfg", isRequired: false) { object in
            Self.readPreprocessing(&object, imageSize: model.vision?.imageSize)
        }
        object.leave(WeightStorage.key)
        object.refuseUnknownKeys()
        guard object.problems.isEmpty, let vision = model.vision, let text = model.text,
            let dimension = model.embeddingDimension, let scale = model.initialLogitScale, let preprocessing
        else {
            throw EncodersError(
                .invalidDescription, object.problems.joined(separator: "; ") + "; correct these keys", at: "model.json")
        }
        try self.init(
            embeddingDimension: dimension, vision: vision, text: text,
            activation: model.activation, preprocessing: preprocessing, initialLogitScale: scale,
            initialLogitBias: model.initialLogitBias)
    }

    private static func readFormat(_ object: inout StrictObject) {
        if let version = object.value("format_version", String.self), version != formatVersion {
            object.report(
                "format_version is '\(version)', this build reads '\(formatVersion)': write the model anew or update")
        }
        if let name = object.value("family", String.self), name != family {
            object.report("family is '\(name)', this build reads '\(family)'")
        }
    }

    private struct Model {
        var embeddingDimension: Int?
        var activation: Activation
        var initialLogitScale: Float?
        var initialLogitBias: Float?
        var vision: Vision?
        var text: Text?
    }

    private static func readModel(_ object: inout StrictObject) -> Model {
        let isQuickGELU = object.value("quick_gelu", Bool.self, default: false) == true
        let activation = object.optionalChoice("activation", Activation.self)
        if isQuickGELU, let activation, activation != .quickGELU {
            object.report("activation is '\(activation.rawValue)' but quick_gelu is true; correct one of them")
        }
        return Model(
            embeddingDimension: object.value("embed_dim", Int.self),
            activation: activation ?? (isQuickGELU ? .quickGELU : .gelu),
            initialLogitScale: object.value("init_logit_scale", Float.self, default: defaultInitialLogitScale),
            initialLogitBias: object.optional("init_logit_bias", Float.self),
            vision: object.object("vision_cfg", Vision.read), text: object.object("text_cfg", Text.read))
    }

    /// Missing keys mean what they mean to open_clip: OpenAI's statistics, bicubic, shorter side.
    private static func readPreprocessing(_ object: inout StrictObject, imageSize: Int?) -> Preprocessing? {
        if let imageSize, let size = object.value("size", Int.self, default: imageSize), size != imageSize {
            object.report("size is \(size), must be vision_cfg.image_size, \(imageSize)")
        }
        if let mode = object.value("mode", String.self, default: "RGB"), mode != "RGB" {
            object.report("mode is '\(mode)', must be 'RGB'")
        }
        let mean = object.value("mean", [Float].self, default: Preprocessing.openAIMean)
        let std = object.value("std", [Float].self, default: Preprocessing.openAIStd)
        let interpolation = object.choice("interpolation", Interpolation.self, default: .bicubic)
        let resizeMode = object.choice("resize_mode", ResizeMode.self, default: .shortest)
        let cropRounding = object.choice("crop_rounding", CropRounding.self, default: .halfToEven)
        let rgbConversion = object.choice("rgb_conversion", RGBConversion.self, default: .beforeResize)
        guard let mean, let std, let interpolation, let resizeMode, let cropRounding, let rgbConversion else {
            return nil
        }
        return Preprocessing(
            mean: mean, std: std, interpolation: interpolation, resizeMode: resizeMode, cropRounding: cropRounding,
            rgbConversion: rgbConversion)
    }

    /// Writes every key of CLIP's transformers, defaults included; keys of their relatives, `crop_rounding` and `rgb_conversion`
    /// only where they are not the default.
    public func encode(to encoder: any Encoder) throws {
        typealias Key = StrictObject.Key
        var object = encoder.container(keyedBy: Key.self)
        try object.encode(Self.formatVersion, forKey: Key("format_version"))
        try object.encode(Self.family, forKey: Key("family"))

        var model = object.nestedContainer(keyedBy: Key.self, forKey: Key("model_cfg"))
        try model.encode(embeddingDimension, forKey: Key("embed_dim"))
        try model.encode(activation == .quickGELU, forKey: Key("quick_gelu"))
        try model.encode(initialLogitScale, forKey: Key("init_logit_scale"))
        if activation == .geluTanh { try model.encode(activation.rawValue, forKey: Key("activation")) }
        try model.encodeIfPresent(initialLogitBias, forKey: Key("init_logit_bias"))
        var visionObject = model.nestedContainer(keyedBy: Key.self, forKey: Key("vision_cfg"))
        try vision.write(to: &visionObject)
        var textObject = model.nestedContainer(keyedBy: Key.self, forKey: Key("text_cfg"))
        try text.write(to: &textObject)

        var preprocess = object.nestedContainer(keyedBy: Key.self, forKey: Key("preprocess_cfg"))
        try preprocess.encode(vision.imageSize, forKey: Key("size"))
        try preprocess.encode("RGB", forKey: Key("mode"))
        try preprocess.encode(preprocessing.mean, forKey: Key("mean"))
        try preprocess.encode(preprocessing.std, forKey: Key("std"))
        try preprocess.encode(preprocessing.interpolation.rawValue, forKey: Key("interpolation"))
        try preprocess.encode(preprocessing.resizeMode.rawValue, forKey: Key("resize_mode"))
        if preprocessing.cropRounding != .halfToEven {
            try preprocess.encode(preprocessing.cropRounding.rawValue, forKey: Key("crop_rounding"))
        }
        if preprocessing.rgbConversion != .beforeResize {
            try preprocess.encode(preprocessing.rgbConversion.rawValue, forKey: Key("rgb_conversion"))
        }
    }

    /// The text of `model.json`: sorted keys, so that equal configurations are equal bytes.
    public func jsonData() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Parses the text of `model.json`; throws `invalidDescription` or `invalidConfiguration`.
    public init(jsonData: Data) throws(EncodersError) {
        do {
            self = try JSONDecoder().decode(Self.self, from: jsonData)
        } catch let error as EncodersError {
            throw error
        } catch {
            throw EncodersError(
                .invalidDescription, "is not valid JSON; write it as `vlmpipe` does", at: "model.json", cause: error)
        }
    }
}
