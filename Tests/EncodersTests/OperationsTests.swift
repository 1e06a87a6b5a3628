import Encoders
import Kernels
import TestSupport
import Testing

@Suite("Operations that towers really do")
struct OperationsTests {
    private func encoder(_ configuration: DualEncoderConfiguration, _ precision: Precision = .fp32) throws
        -> DualEncoder
    {
        let architecture = try DualEncoderArchitecture(configuration)
        return try DualEncoder(
            configuration: configuration, parameters: TestModels.parameters(architecture, seed: 1), precision: precision
        )
    }

    /// Everything that open_clip's profile counts, less what the last block spares.
    @Test func transformersByHand() throws {
        let configuration = try TestModels.mediumConfiguration(stem: .patch)
        let encoder = try encoder(configuration)
        let cost = try EncoderCost(configuration)
        func spared(_ tokens: Int, _ width: Int, _ hidden: Int) -> Int {
            // Query, output and perceptron of one token instead of all; its scores alone.
            (tokens - 1) * (2 * (2 * width * width + 2 * width * hidden) + 4 * tokens * width)
        }
        let (vision, text) = (configuration.vision, configuration.text)
        let image = cost.imageOperationCount - spared(vision.tokenCount, vision.width, 4 * vision.width)
        #expect(encoder.imageOperations(count: 1) == OperationCount(float: image))
        #expect(encoder.imageOperations(count: 7) == OperationCount(float: 7 * image))
        #expect(encoder.imageOperations(count: 0) == OperationCount())
        let context = text.contextLength
        #expect(
            encoder.textOperations(tokenCount: context)
                == OperationCount(float: cost.textOperationCount - spared(context, text.width, 4 * text.width)))
        #expect(encoder.textOperations(tokenCount: 3).total < encoder.textOperations(tokenCount: context).total)
    }

    @Test func precisionMovesProducts() throws {
        for stem in DualEncoderConfiguration.Stem.allCases {
            let configuration = try TestModels.mediumConfiguration(stem: stem)
            let (exact, small) = (try encoder(configuration), try encoder(configuration, .int8))
            let counts = [
                (exact.imageOperations(count: 3), small.imageOperations(count: 3)),
                (exact.textOperations(tokenCount: 5), small.textOperations(tokenCount: 5)),
            ]
            for (float, mixed) in counts {
                #expect(float.integer == 0 && float.total == mixed.total)
                #expect(mixed.integer > mixed.float && mixed.float > 0, "\(stem): \(mixed)")
            }
        }
    }

    @Test func everyFamily() throws {
        for configuration in try TestModels.variants() {
            let encoder = try encoder(configuration)
            let cost = try EncoderCost(configuration)
            let slice = encoder.imageSliceRowCount
            switch configuration.vision.architecture {
            case .transformer:
                #expect(encoder.imageOperations(count: 1).float <= cost.imageOperationCount)
                #expect(encoder.imageOperations(count: 1).float * 4 > cost.imageOperationCount)
            case .convNeXt: #expect(encoder.imageOperations(count: 1).float == cost.imageOperationCount)
            case .modifiedResNet:
                // Slices are filled up.
                #expect(encoder.imageOperations(count: slice).float == slice * cost.imageOperationCount)
                #expect(encoder.imageOperations(count: 1) == encoder.imageOperations(count: slice))
            }
            #expect(encoder.textOperations(tokenCount: configuration.text.contextLength).float > 0)
        }
    }
}
