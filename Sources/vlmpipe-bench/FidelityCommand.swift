import ArgumentParser
import Encoders
import Kernels
import Workflows

/// `vlmpipe-bench fidelity`.
struct FidelityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fidelity",
        abstract: "How close vectors in 8 bits are to those in Float32, of towers with random weights.",
        discussion: """
              vlmpipe-bench fidelity ViT-B-32 --outliers
            """)

    @Argument(help: ArgumentHelp("Models.", valueName: "model")) var models: [TowerModel] = [.b32]
    @Flag(help: "Make six gains of each norm 30 times larger than the rest.") var outliers = false
    @Option(help: ArgumentHelp("Images or texts.", valueName: "n")) var count = 256

    func validate() throws {
        if !(2...100_000).contains(count) { throw ValidationError("--count is \(count), must be from 2 to 100000") }
    }

    func run() throws {
        for model in models {
            let configuration = try model.configuration()
            let parameters = model.parameters(try DualEncoderArchitecture(configuration), hasOutliers: outliers)
            let exact = try DualEncoder(configuration: configuration, parameters: parameters)
            let fast = exact.computing(in: .int8)
            var vectors = (exact: [Float](), fast: [Float]())
            if model.isText {
                let texts = (0..<count).map { index -> [Int32] in
                    let words = (0..<4 + index * 7 % 20).map { place -> Int32 in
                        Int32(1 + (place * 7919 + index * 104_729) % 49_000)
                    }
                    return words + [Int32(configuration.text.endTokenID)]
                }
                vectors = (exact.encodeTexts(texts), fast.encodeTexts(texts))
            } else {
                for index in 0..<count {
                    let pixels = DrawnImage(size: configuration.vision.imageSize, seed: UInt64(index)).pixels
                    vectors.exact += exact.encodeImages(pixels, count: 1)
                    vectors.fast += fast.encodeImages(pixels, count: 1)
                }
            }
            let fidelity = PrecisionFidelity(
                exact: vectors.exact, fast: vectors.fast, dimension: configuration.embeddingDimension)
            print("\(model.rawValue)\(outliers ? " with outliers" : ""): \(fidelity.text)")
        }
    }
}

/// An image of a few soft spots of colour with some grain: images differ as much as photographs do.
struct DrawnImage {
    /// Rows × columns × RGB.
    let pixels: [UInt8]

    /// The same for the same seed.
    init(size: Int, seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func next() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
        // Colours on a coarse grid, between which pixels are interpolated.
        let cells = 3 + Int(seed % 5)
        let grid = (0..<(cells + 1) * (cells + 1) * 3).map { _ in 255 * next() }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(size * size * 3)
        for y in 0..<size {
            let (row, v) = Self.split(y, size, cells)
            for x in 0..<size {
                let (column, u) = Self.split(x, size, cells)
                let grain = 20 * (next() - 0.5)
                for channel in 0..<3 {
                    func corner(_ dy: Int, _ dx: Int) -> Float {
                        grid[((row + dy) * (cells + 1) + column + dx) * 3 + channel]
                    }
                    let top = corner(0, 0) * (1 - u) + corner(0, 1) * u
                    let bottom = corner(1, 0) * (1 - u) + corner(1, 1) * u
                    pixels.append(UInt8(min(255, max(0, top * (1 - v) + bottom * v + grain))))
                }
            }
        }
        self.pixels = pixels
    }

    private static func split(_ place: Int, _ size: Int, _ cells: Int) -> (cell: Int, share: Float) {
        let position = Float(place * cells) / Float(size)
        return (Int(position), position - Float(Int(position)))
    }
}
