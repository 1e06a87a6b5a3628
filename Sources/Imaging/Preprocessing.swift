import Kernels
import Samples

/// From a picture of any size to the square of bytes that a model is given: resizing, cropping and padding exactly as
/// the reference pipelines do. Scaling by `mean` and `standardDeviation` is left to the model's first layer.
///
///     let preprocessing = Preprocessing(size: 224)
///     let pixels = preprocessing(image).bytes  // 224 × 224 × 3
public struct Preprocessing: Hashable, Sendable, Codable {
    /// How a picture that is not square becomes one.
    public enum ResizeMode: String, Hashable, Sendable, Codable, CaseIterable {
        /// Both sides to the size, ignoring the aspect ratio.
        case squash
        /// Short side to the size, long side to trunc(size · long / short), then the centre.
        case shortest
        /// Long side to the size, both rounded half to even, then padded with `fillColor` around the centre.
        case longest
    }

    /// Which pixel the centre crop begins at when the surplus d is odd.
    public enum CropRounding: String, Hashable, Sendable, Codable, CaseIterable {
        /// round(d / 2), half to even: torchvision, open_clip.
        case halfToEven
        /// ⌊d / 2⌋: Hugging Face processors.
        case down
    }

    /// Columns and rows of the result.
    public let size: Int
    /// How the aspect ratio is treated.
    public let resizeMode: ResizeMode
    /// The kernel.
    public let filter: ResampleFilter
    /// Rounding of the centre crop; used by `shortest`.
    public let cropRounding: CropRounding
    /// What pads `longest`.
    public let fillColor: PixelColor
    /// Subtracted from value / 255, per channel.
    public let mean: [Float]
    /// Divides what is left, per channel.
    public let standardDeviation: [Float]

    /// OpenAI's mean, the default.
    public static let openAIMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    /// OpenAI's standard deviation, the default.
    public static let openAIStandardDeviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// The defaults are those of OpenAI's and open_clip's models. Traps unless the size is at least 1, there are three
    /// means and deviations, and the deviations are positive.
    public init(
        size: Int, resizeMode: ResizeMode = .shortest, filter: ResampleFilter = .bicubic,
        cropRounding: CropRounding = .halfToEven, fillColor: PixelColor = .black, mean: [Float] = openAIMean,
        standardDeviation: [Float] = openAIStandardDeviation
    ) {
        precondition(
            size >= 1 && mean.count == 3 && standardDeviation.count == 3 && standardDeviation.allSatisfy { $0 > 0 },
            "Preprocessing(size: \(size), mean: \(mean), standardDeviation: \(standardDeviation))")
        self.size = size
        self.resizeMode = resizeMode
        self.filter = filter
        self.cropRounding = cropRounding
        self.fillColor = fillColor
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// Decodes the same fields; all are required, and the rules of `init(size:…)` are errors here.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        size = try fields.decode(Int.self, forKey: .size)
        resizeMode = try fields.decode(ResizeMode.self, forKey: .resizeMode)
        filter = try fields.decode(ResampleFilter.self, forKey: .filter)
        cropRounding = try fields.decode(CropRounding.self, forKey: .cropRounding)
        fillColor = try fields.decode(PixelColor.self, forKey: .fillColor)
        mean = try fields.decode([Float].self, forKey: .mean)
        standardDeviation = try fields.decode([Float].self, forKey: .standardDeviation)
        guard (1...16384).contains(size), mean.count == 3, standardDeviation.count == 3,
            mean.allSatisfy({ $0.isFinite }), standardDeviation.allSatisfy({ $0 > 0 && $0.isFinite })
        else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "size must be 1 to 16384, and mean and standardDeviation three finite numbers "
                        + "each, the deviations above 0"))
        }
    }

    /// The picture at `size` × `size`. Only the columns and rows that remain after cropping are computed.
    public func callAsFunction(_ image: PixelImage) -> PixelImage {
        switch resizeMode {
        case .squash:
            return image.resized(width: size, height: size, filter: filter)
        case .shortest:
            let (width, height) = resizedSize(width: image.width, height: image.height)
            let (left, top) = (cropStart(width), cropStart(height))
            return image.resized(
                width: width, height: height, filter: filter, targetColumns: left..<left + size,
                targetRows: top..<top + size)
        case .longest:
            let (width, height) = resizedSize(width: image.width, height: image.height)
            return padded(image.resized(width: width, height: height, filter: filter))
        }
    }

    /// The size a picture is scaled to before cropping or padding.
    public func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
        precondition(width >= 1 && height >= 1, "Preprocessing of \(width) × \(height)")
        switch resizeMode {
        case .squash:
            return (size, size)
        case .shortest:
            let (short, long) = (min(width, height), max(width, height))
            if short == size { return (width, height) }
            let scaled = Int(Double(size * long) / Double(short))
            return width <= height ? (size, scaled) : (scaled, size)
        case .longest:
            let ratio = max(Double(height) / Double(size), Double(width) / Double(size))
            func scaled(_ side: Int) -> Int { max(1, Int((Double(side) / ratio).rounded(.toNearestOrEven))) }
            return (scaled(width), scaled(height))
        }
    }

    /// Offset of the centre crop on a side of `count` pixels.
    func cropStart(_ count: Int) -> Int {
        switch cropRounding {
        case .halfToEven: Int((Double(count - size) / 2).rounded(.toNearestOrEven))
        case .down: (count - size) / 2
        }
    }

    private func padded(_ image: PixelImage) -> PixelImage {
        if image.width == size, image.height == size { return image }
        var result = PixelImage(width: size, height: size, filledWith: fillColor)
        let (left, top) = ((size - image.width) / 2, (size - image.height) / 2)
        for y in 0..<image.height {
            let target = 3 * ((top + y) * size + left)
            let source = 3 * y * image.width
            result.bytes.replaceSubrange(
                target..<target + 3 * image.width, with: image.bytes[source..<source + 3 * image.width])
        }
        return result
    }
}
