import ArgumentParser
import ByteFormats
import Encoders
import Foundation
import Kernels

/// `vlmpipe-bench weights`.
struct WeightsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights",
        abstract: "Speed of towers by how their weights are stored, on one thread, as JSON.",
        discussion: """
            The same random weights in memory (as F32, where F16 and BF16 were converted to once) and in mapped files of F32, F16 and BF16,
            in turns; medians.

              vlmpipe-bench weights ViT-B-32-text --rounds 31
            """)

    @Argument(help: ArgumentHelp("Models.", valueName: "model")) var models: [TowerModel] = [.textB32, .b32]
    @Option(help: ArgumentHelp("fp32 or int8.", valueName: "precision")) var precision = Precision.fp32
    @Option(help: ArgumentHelp("Turns.", valueName: "n")) var rounds = 15

    func validate() throws {
        if !(1...10_000).contains(rounds) { throw ValidationError("--rounds is \(rounds), must be from 1 to 10000") }
    }

    func run() throws {
        var results: [WeightsBenchmark.Result] = []
        for model in models {
            results += try WeightsBenchmark(model, precision).run(rounds: rounds)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(results), as: UTF8.self))
    }
}

/// One tower several times, with the same weights in different places.
struct WeightsBenchmark {
    /// One line of the result.
    struct Result: Encodable {
        let model: String
        let precision: Precision
        let storage: String
        /// Until the model can be used, whose file is in the page cache; not measured for weights in memory.
        let millisecondsToLoad: Double?
        /// One text of eight tokens, or one image.
        let millisecondsAlone: Double
        /// A slice of images, or 64 texts.
        let millisecondsPerSlice: Double
    }

    private let model: TowerModel
    private let precision: Precision
    private let encoder: DualEncoder
    /// A slice of images, or 64 texts of eight tokens; those of the other tower are empty.
    private let pixels: [UInt8]
    private let texts: [[Int32]]

    init(_ model: TowerModel, _ precision: Precision) throws {
        self.model = model
        self.precision = precision
        let configuration = try model.configuration()
        let parameters = model.parameters(try DualEncoderArchitecture(configuration), hasOutliers: false)
        encoder = try DualEncoder(configuration: configuration, parameters: parameters, precision: precision)
        let end = Int32(configuration.text.endTokenID)
        texts = (0..<(model.isText ? 64 : 0)).map { text in
            (0..<7).map { place -> Int32 in Int32(text * 7 + place + 1) } + [end]
        }
        let imageCount = model.isText ? 0 : encoder.imageSliceRowCount
        pixels = (0..<imageCount * configuration.vision.imageByteCount).map { place -> UInt8 in
            UInt8(truncatingIfNeeded: (place &* 2_654_435_761) >> 13)
        }
    }

    /// Medians of so many turns.
    func run(rounds: Int) throws -> [Result] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vlmpipe-bench-\(UUID().uuidString)")
        defer { _ = try? FileManager.default.removeItem(at: folder) }
        var variants = [(storage: "memory", encoder: encoder, loading: Double?.none)]
        for element in [SafetensorsElement.float32, .float16, .bfloat16] {
            let path = folder.appendingPathComponent(element.rawValue).path
            try encoder.write(toDirectory: path)
            try Self.store(as: element, in: path)
            let load = { try DualEncoder(directory: path, towers: model.isText ? .text : .image, precision: precision) }
            let times = try (0..<5).map { _ in try Self.milliseconds { _ = try load() } }
            variants.append((element.rawValue, try load(), times.sorted()[2]))
        }
        var alone = variants.map { _ in [Double]() }
        var slices = alone
        for _ in 0..<rounds {
            for (index, variant) in variants.enumerated() {
                alone[index].append(Self.milliseconds { useOnce(variant.encoder) })
                slices[index].append(Self.milliseconds { useSlice(variant.encoder) })
            }
        }
        return variants.enumerated().map { index, variant in
            Result(
                model: model.rawValue, precision: precision, storage: variant.storage,
                millisecondsToLoad: variant.loading, millisecondsAlone: alone[index].sorted()[rounds / 2],
                millisecondsPerSlice: slices[index].sorted()[rounds / 2])
        }
    }

    private func useOnce(_ encoder: DualEncoder) {
        _ = model.isText ? encoder.encodeTexts([texts[0]]) : encoder.encodeImages(pixels, count: 1)
    }

    private func useSlice(_ encoder: DualEncoder) {
        _ =
            model.isText
            ? encoder.encodeTexts(texts) : encoder.encodeImages(pixels, count: encoder.imageSliceRowCount)
    }

    /// Writes a model's file of F32 weights again in another type.
    private static func store(as element: SafetensorsElement, in folder: String) throws {
        guard element != .float32 else { return }
        let path = folder + "/" + DualEncoder.weightsFileName
        let file = try SafetensorsFile(path: path)
        let tensors = file.header.entries.map { entry in
            SafetensorsTensor(name: entry.name, element: element, shape: entry.shape) { output in
                let floats = try file.floats(of: entry.name)
                var halves = [UInt16](repeating: 0, count: floats.count)
                var span = halves.mutableSpan
                if element == .float16 {
                    HalfPrecision.narrow(floats.span, into: &span)
                } else {
                    HalfPrecision.narrowBrain(floats.span, into: &span)
                }
                unsafe try output.write(halves.span.bytes)
            }
        }
        try SafetensorsFile.write(path: path, tensors: tensors)
    }

    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .milliseconds(1)
    }
}
