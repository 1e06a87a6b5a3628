/// Everything that decides the shape and the meaning of a dual encoder besides its weights.
///
/// It is written as `model.json`, a superset of open_clip's `model_cfg` and `preprocess_cfg`; see `Schemas/model.schema.json`.
/// Values are valid once an initialiser returned: the rest of the module never checks them again.
public struct DualEncoderConfiguration: Sendable, Equatable {
    /// How pixels become the image tower's tokens.
    public enum Stem: String, Sendable, CaseIterable {
        /// One linear map per patch.
        case patch
        /// 3×3 convolutions of stride 2 down to the patch grid, GELU between, then a linear map: learns faster from little data.
        case convolutional
    }

    /// The nonlinearity of an MLP.
    public enum Activation: String, Sendable, CaseIterable {
        /// x·Φ(x) with the exact error function.
        case gelu
        /// x·σ(1.702x), which OpenAI's models were trained with.
        case quickGELU
        /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), which SigLIP was trained with.
        case geluTanh
    }

    /// How an image is brought to the tower's square.
    public enum ResizeMode: String, Sendable, CaseIterable {
        /// Both sides to the size, aspect ratio ignored.
        case squash
        /// Shorter side to the size, then the centre is cropped.
        case shortest
        /// Longer side to the size, then padded.
        case longest
    }

    /// Which pixel the centre crop begins at when the surplus d is odd.
    public enum CropRounding: String, Sendable, CaseIterable {
        /// round(d / 2), half to even: torchvision, open_clip and our own models.
        case halfToEven
        /// ⌊d / 2⌋: processors of transformers.
        case down
    }

    /// When a picture becomes RGB. It matters for palettes, alpha, ink and 16-bit grey; RGB and 8-bit grey come out the same.
    public enum RGBConversion: String, Sendable, CaseIterable {
        /// Before it is resized: processors of transformers and our own models.
        case beforeResize
        /// After it is resized in the mode of its file: OpenAI and open_clip.
        case afterResize
    }

    /// The resampling kernel.
    public enum Interpolation: String, Sendable, CaseIterable {
        /// Pillow's bicubic, a = −0.5.
        case bicubic
        /// Pillow's bilinear.
        case bilinear
    }

    /// The pixel statistics and geometry a model was trained with.
    public struct Preprocessing: Sendable, Equatable {
        /// Subtracted from each channel after division by 255.
        public var mean: [Float]
        /// Each channel is divided by this after the subtraction.
        public var std: [Float]
        /// The resampling kernel.
        public var interpolation: Interpolation
        /// How the image is brought to a square.
        public var resizeMode: ResizeMode
        /// Rounding of the centre crop; used by `shortest`.
        public var cropRounding: CropRounding
        /// When a picture becomes RGB.
        public var rgbConversion: RGBConversion

        /// OpenAI's channel means.
        public static let openAIMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
        /// OpenAI's channel deviations.
        public static let openAIStd: [Float] = [0.26862954, 0.26130258, 0.27577711]

        /// Describes the preprocessing; the defaults are OpenAI's statistics and a squashed bicubic resize.
        public init(
            mean: [Float] = Self.openAIMean, std: [Float] = Self.openAIStd, interpolation: Interpolation = .bicubic,
            resizeMode: ResizeMode = .squash, cropRounding: CropRounding = .halfToEven,
            rgbConversion: RGBConversion = .beforeResize
        ) {
            self.mean = mean
            self.std = std
            self.interpolation = interpolation
            self.resizeMode = resizeMode
            self.cropRounding = cropRounding
            self.rgbConversion = rgbConversion
        }
    }

    /// Channels E of an embedding.
    public let embeddingDimension: Int
    /// The image tower.
    public let vision: Vision
    /// The text tower.
    public let text: Text
    /// The nonlinearity of the MLPs of towers that do not state their own.
    public let activation: Activation
    /// Pixel statistics and geometry.
    public let preprocessing: Preprocessing
    /// The logit scale (a logarithm) a fresh model starts with.
    public let initialLogitScale: Float
    /// The logit bias a fresh model starts with; nil where the model has none. It shifts logits, never an embedding.
    public let initialLogitBias: Float?

    /// CLIP's starting temperature is 0.07: ln(1/0.07).
    public static let defaultInitialLogitScale: Float = 2.6592600

    /// Checks everything and reports all problems in one `EncodersError`.
    public init(
        embeddingDimension: Int, vision: Vision, text: Text, activation: Activation = .gelu,
        preprocessing: Preprocessing = Preprocessing(), initialLogitScale: Float = Self.defaultInitialLogitScale,
        initialLogitBias: Float? = nil
    ) throws(EncodersError) {
        self.embeddingDimension = embeddingDimension
        self.vision = vision.withActivation(relativeTo: activation)
        self.text = text.withActivation(relativeTo: activation)
        self.activation = activation
        self.preprocessing = preprocessing
        self.initialLogitScale = initialLogitScale
        self.initialLogitBias = initialLogitBias
        let problems = problems
        guard problems.isEmpty else {
            throw EncodersError(
                .invalidConfiguration, problems.joined(separator: "; ") + "; correct these values",
                at: "model configuration")
        }
    }

    /// The nonlinearity of the image tower's MLPs.
    public var imageActivation: Activation { vision.activation ?? activation }
    /// The nonlinearity of the text tower's MLPs.
    public var textActivation: Activation { text.activation ?? activation }
}
