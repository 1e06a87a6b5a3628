import Foundation
import Imaging
import Kernels
import TestSupport
import Testing
import Tokenization

@testable import Encoders
@testable import Workflows

/// What `model verify` accepts, and that it accepts nothing else: every mistake people make with these models is made here on
/// purpose, one at a time.
@Suite struct GoldenComparisonTests {
    /// A fixture as `model verify` sees it, with parts that can be swapped.
    private struct Subject {
        var path: String
        var encoder: DualEncoder
        var preprocessing: Preprocessing
        var tokenizer: TextTokenizer?

        /// A checkpoint of Tests/EncodersTests/Fixtures, made by Tests/Peers/golden.py.
        init(_ name: String) throws {
            let folder = GoldenComparisonTests.fixtures.appending(path: name)
            path = folder.appending(path: GoldenComparison.fileName).path
            encoder = try ForeignCheckpoint(directory: folder.path).importModel().encoder
            preprocessing = InstalledModel.preprocessing(encoder.configuration)
            if name == GoldenComparisonTests.words {
                tokenizer = try GoldenComparisonTests.shortTokenizer(.openClip)
            }
        }

        /// The stages that are not as they must be.
        func missed() throws -> [String] {
            try GoldenComparison(
                path: path, encoder: encoder, preprocessing: preprocessing, tokenizer: tokenizer
            ).rows.filter { !$0.isWithinBound }.map(\.stage)
        }

        /// The same weights under another description.
        func described(
            activation: DualEncoderConfiguration.Activation? = nil,
            text change: (inout DualEncoderConfiguration.Text) -> Void = { _ in },
            vision changeVision: (inout DualEncoderConfiguration.Vision) -> Void = { _ in }
        ) throws -> Subject {
            let configuration = encoder.configuration
            var (text, vision) = (configuration.text, configuration.vision)
            change(&text)
            changeVision(&vision)
            var result = self
            result.encoder = try DualEncoder(
                configuration: DualEncoderConfiguration(
                    embeddingDimension: configuration.embeddingDimension, vision: vision, text: text,
                    activation: activation ?? configuration.activation, preprocessing: configuration.preprocessing,
                    initialLogitScale: configuration.initialLogitScale,
                    initialLogitBias: configuration.initialLogitBias),
                parameters: parameters())
            return result
        }

        /// A copy of all weights.
        private func parameters() -> FloatBuffer {
            FloatBuffer(encoder.weights.joined(0..<encoder.architecture.layout.totalCount).array)
        }

        /// Weights with some exchanged.
        func exchanging(_ first: String, _ second: String) throws -> Subject {
            let layout = encoder.architecture.layout
            let (first, second) = (try #require(layout[first]).range, try #require(layout[second]).range)
            let parameters = parameters()
            for (left, right) in zip(first, second) {
                (parameters[left], parameters[right]) = (parameters[right], parameters[left])
            }
            var result = self
            result.encoder = try DualEncoder(configuration: encoder.configuration, parameters: parameters)
            return result
        }

        /// Another way from picture to pixels.
        func prepared(
            filter: ResampleFilter? = nil, cropRounding: Preprocessing.CropRounding? = nil,
            resizeMode: Preprocessing.ResizeMode? = nil
        ) -> Subject {
            var result = self
            result.preprocessing = Preprocessing(
                size: preprocessing.size, resizeMode: resizeMode ?? preprocessing.resizeMode,
                filter: filter ?? preprocessing.filter, cropRounding: cropRounding ?? preprocessing.cropRounding,
                conversion: preprocessing.conversion, fillLevel: preprocessing.fillLevel, release: preprocessing.release
            )
            return result
        }
    }

    private static let words = "clip-openclip-words"
    private static let siglip = "siglip-openclip-erf"

    private static let tests = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent()
    static let fixtures = tests.appending(path: "EncodersTests/Fixtures")

    private static func shortTokenizer(_ cleaning: TextCleaning) throws -> TextTokenizer {
        try TextTokenizer(
            directory: tests.appending(path: "TokenizationTests/Fixtures/clip"), cleaning: cleaning)
    }

    /// Every checkpoint there is.
    static let names: [String] = {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: fixtures.path)) ?? []
        return entries.filter {
            FileManager.default.fileExists(atPath: fixtures.appending(path: "\($0)/golden.safetensors").path)
        }.sorted()
    }()

    @Test func thereAreCheckpointsOfEveryFamily() {
        for family in ["clip-openclip", "clip-hf", "siglip-", "siglip2-", "convnext", "resnet", "eva02"] {
            #expect(Self.names.contains { $0.hasPrefix(family) }, "\(family)")
        }
    }

    @Test(arguments: names) func theLibrarysOutputsAreOurs(name: String) throws {
        let subject = try Subject(name)
        let comparison = try GoldenComparison(
            path: subject.path, encoder: subject.encoder, preprocessing: subject.preprocessing,
            tokenizer: subject.tokenizer)
        #expect(comparison.isWithinBounds, "\(comparison.rows.filter { !$0.isWithinBound })")
        let stages = comparison.rows.map(\.stage)
        for stage in ["image.pixels", "image.stem", "image.embedding", "text.stem", "text.embedding"] {
            #expect(stages.contains(stage))
        }
        #expect(stages.contains("text.tokens") == (name == Self.words))
        // The stages in between are held to their own size.
        for row in comparison.rows { #expect(row.maximumError <= 1e-4, "\(row)") }
    }

    // MARK: Sabotage

    @Test(arguments: ["clip-openclip-gelu-f32", "clip-openclip-custom-quickgelu-f16", "clip-hf-gelu-bf16"])
    func theOtherActivationFails(name: String) throws {
        let subject = try Subject(name)
        let other: DualEncoderConfiguration.Activation =
            subject.encoder.configuration.activation == .gelu ? .quickGELU : .gelu
        #expect(try subject.described(activation: other).missed().contains("image.embedding"))
        #expect(try subject.described(activation: other).missed().contains("text.embedding"))
    }

    @Test func theOtherCropRoundingFails() throws {
        for name in ["clip-openclip-gelu-f32", "clip-hf-gelu-bf16"] {
            let subject = try Subject(name)
            let other: Preprocessing.CropRounding =
                subject.preprocessing.cropRounding == .down ? .halfToEven : .down
            #expect(try subject.prepared(cropRounding: other).missed() == ["image.pixels"])
        }
    }

    @Test func anotherResizeKernelFails() throws {
        for name in [Self.words, Self.siglip, "siglip2-hf-gelu"] {
            let subject = try Subject(name)
            let other: ResampleFilter = subject.preprocessing.filter == .bicubic ? .bilinear : .bicubic
            #expect(try subject.prepared(filter: other).missed() == ["image.pixels"])
        }
    }

    @Test func anotherResizeModeFails() throws {
        #expect(try Subject(Self.words).prepared(resizeMode: .squash).missed() == ["image.pixels"])
        #expect(try Subject(Self.siglip).prepared(resizeMode: .shortest).missed() == ["image.pixels"])
    }

    @Test(arguments: ["siglip-openclip-erf", "siglip2-openclip-tanh", "siglip2-hf-gelu"])
    func anotherPadIDFails(name: String) throws {
        let subject = try Subject(name)
        let other = subject.encoder.configuration.text.padTokenID == 0 ? 1 : 0
        #expect(try subject.described(text: { $0.padTokenID = other }).missed().contains("text.embedding"))
    }

    @Test func anUnpaddedTextIsRefused() throws {
        let subject = try Subject(Self.siglip)
        let error = try #require(throws: EncodersError.self) {
            try subject.described(text: { $0.isPadded = false })
        }
        #expect("\(error)".contains("text_cfg.padded"))
    }

    @Test func theOtherPlaceOfPoolingFails() throws {
        let missed = try Subject(Self.siglip).described(text: { $0.pooling = .endToken }).missed()
        #expect(missed.contains("text.embedding"))
    }

    @Test func theOtherOrderOfQueryKeyAndValueFails() throws {
        let subject = try Subject(Self.words)
        for tower in ["imageTower", "textTower"] {
            let block = "\(tower).blocks.0.attention"
            for (first, second) in [("query", "key"), ("key", "value"), ("query", "value")] {
                let missed = try subject.exchanging("\(block).\(first).weight", "\(block).\(second).weight").missed()
                #expect(missed == [tower == "imageTower" ? "image.embedding" : "text.embedding"])
            }
        }
    }

    @Test func aMissingCausalMaskFails() throws {
        let missed = try Subject(Self.words).described(text: {
            $0.isCausal = false
            $0.isPadded = true
        }).missed()
        #expect(missed == ["text.embedding"])
    }

    @Test func aCausalMaskWhereNoneBelongsFails() throws {
        let missed = try Subject(Self.siglip).described(text: { $0.isCausal = true }).missed()
        #expect(missed.contains("text.embedding"))
    }

    @Test func anotherEpsilonFails() throws {
        let subject = try Subject(Self.siglip)
        let missed = try subject.described(text: { $0.normEpsilon = 1e-3 }, vision: { $0.normEpsilon = 1e-3 }).missed()
        #expect(missed == ["image.embedding", "text.embedding"])
    }

    @Test func anotherCleaningFails() throws {
        var subject = try Subject(Self.words)
        subject.tokenizer = try Self.shortTokenizer(.huggingFaceFast)
        #expect(try subject.missed() == ["text.tokens"])
    }

    // MARK: The comparison itself

    @Test func aValueThatIsNotANumberIsNeverWithinABound() {
        for values: [Float] in [[.nan, 0], [.infinity, 0], [1]] {
            let comparison = VectorComparison(values, [1, 0])
            #expect(comparison.maximumError == .infinity)
            for bound in [nil, 1.0] {
                let row = GoldenComparison.Row(
                    stage: "image.embedding", cosine: comparison.cosine, maximumError: comparison.maximumError,
                    bound: bound)
                #expect(!row.isWithinBound)
            }
        }
        var joined = VectorComparison([1, 0], [1, 0])
        joined.join(VectorComparison([0, 1], [1, 0]))
        #expect(joined.cosine == 0 && joined.maximumError == 1)
    }

    @Test func aFileOfAnotherModelIsRefused() throws {
        var subject = try Subject(Self.words)
        subject.path = Self.fixtures.appending(path: "clip-openclip-gelu-f32/golden.safetensors").path
        let error = try #require(throws: WorkflowError.self) { try subject.missed() }
        #expect(error.code == .badData && error.message.contains("another model"))
    }
}
