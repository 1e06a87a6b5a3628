import Encoders
import Testing

/// Checkpoints that open_clip and transformers wrote, with their stage outputs; see Tests/Peers/tiny_checkpoints.py.
@Suite struct ForeignCheckpointGoldenTests {
    static let cases = [
        "clip-openclip-gelu-f32", "clip-openclip-custom-quickgelu-f16", "clip-openclip-heads-80-88",
        "clip-openclip-heads-104", "clip-hf-quickgelu-f32-sharded", "clip-hf-gelu-bf16",
    ]
    /// Stages of one image grow to some tens; sums of a hundred products in another order differ by this.
    static let stageBound: Float = 2e-5
    static let embeddingBound: Float = 1e-6

    static func folder(_ name: String) throws -> String { try GoldenCheckpoint.path(name) }

    @Test(arguments: cases) func embeddingsAreTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let imported = try ForeignCheckpoint(directory: golden.folder).importModel()
        #expect(imported.unusedTensors.isEmpty && imported.reshapedTensors.isEmpty)
        let count = golden.pixels.count / imported.encoder.configuration.vision.imageByteCount
        let images = imported.encoder.encodeImages(golden.pixels, count: count)
        let texts = imported.encoder.encodeTexts(golden.texts)
        #expect(GoldenCheckpoint.worst(images, try golden.floats("image.embedding")) <= Self.embeddingBound)
        #expect(GoldenCheckpoint.worst(texts, try golden.floats("text.embedding")) <= Self.embeddingBound)
    }

    @Test(arguments: cases) func everyStageIsTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let encoder = try ForeignCheckpoint(directory: golden.folder).importModel().encoder
        let byteCount = encoder.configuration.vision.imageByteCount
        for image in 0..<golden.pixels.count / byteCount {
            let stages = encoder.imageStages(Array(golden.pixels[image * byteCount..<(image + 1) * byteCount]))
            try check(stages, of: "image", sequence: image, rowCount: .max, golden)
        }
        for (index, text) in golden.texts.enumerated() {
            let rowCount = encoder.configuration.text.isCausal ? text.count : .max
            try check(encoder.textStages(text), of: "text", sequence: index, rowCount: rowCount, golden)
        }
    }

    private func check(
        _ stages: [EncoderStage], of tower: String, sequence: Int, rowCount: Int, _ golden: GoldenCheckpoint
    ) throws {
        let names = stages.map { "\($0.name)" }
        for required in ["stem", "pooled", "projected", "embedding"] { #expect(names.contains(required)) }
        for stage in stages {
            let expected = try golden.values("\(tower).\(stage.name)", sequence: sequence, rowCount: rowCount)
            #expect(
                GoldenCheckpoint.worst(stage.values, expected) <= Self.stageBound, "\(tower) \(sequence) \(stage.name)")
        }
    }

    @Test(arguments: cases) func anImportedModelIsWrittenAndReadAgain(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let encoder = try ForeignCheckpoint(directory: golden.folder).importModel().encoder
        let copy = try ForeignFolder(copying: name)
        try encoder.write(toDirectory: copy.path + "/ours")
        let again = try DualEncoder(directory: copy.path + "/ours")
        #expect(again.configuration == encoder.configuration)
        #expect(again.encodeTexts(golden.texts) == encoder.encodeTexts(golden.texts))
    }
}
