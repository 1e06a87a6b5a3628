import ByteFormats
import Encoders
import Foundation
import Testing

/// Checkpoints that open_clip and transformers wrote, with their stage outputs; see Tests/Peers/clip_golden.py.
@Suite struct ForeignCheckpointGoldenTests {
    static let cases = [
        "clip-openclip-gelu-f32", "clip-openclip-custom-quickgelu-f16", "clip-hf-quickgelu-f32-sharded",
        "clip-hf-gelu-bf16",
    ]

    static func folder(_ name: String) throws -> String {
        try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures")).path
    }

    /// Inputs of a golden file.
    struct Golden {
        let file: SafetensorsFile
        let pixels: [UInt8]
        let texts: [[Int32]]

        init(_ folder: String) throws {
            file = try SafetensorsFile(path: folder + "/golden.safetensors")
            pixels = try file.integers(of: "input.pixels").map { UInt8($0) }
            let tokens = try file.integers(of: "input.tokens").map { Int32($0) }
            let context = try file.entry(named: "input.tokens").shape[1]
            texts = stride(from: 0, to: tokens.count, by: context).map { Array(tokens[$0..<$0 + context]) }
        }

        /// The part of a stage that belongs to one sequence; texts' rows behind `rowCount` are dropped.
        func values(_ name: String, sequence: Int, rowCount: Int) throws -> [Float] {
            let entry = try file.entry(named: name)
            let all = try file.floats(of: name)
            let count = all.count / entry.shape[0]
            let used = entry.shape.count == 3 ? rowCount * entry.shape[2] : count
            return Array(all[sequence * count..<sequence * count + used])
        }
    }

    private func worst(_ actual: [Float], _ expected: [Float]) -> Float {
        guard actual.count == expected.count else { return .infinity }
        return zip(actual, expected).map { abs($0 - $1) }.max() ?? 0
    }

    @Test(arguments: cases) func embeddingsAreTheLibrarys(name: String) throws {
        let folder = try Self.folder(name)
        let golden = try Golden(folder)
        let imported = try ForeignCheckpoint(directory: folder).importModel()
        #expect(imported.unusedTensors.isEmpty && imported.reshapedTensors.isEmpty)
        let count = golden.pixels.count / imported.encoder.configuration.vision.imageByteCount
        let images = imported.encoder.encodeImages(golden.pixels, count: count)
        let texts = imported.encoder.encodeTexts(golden.texts)
        #expect(worst(images, try golden.file.floats(of: "image.embedding")) <= 1e-6)
        #expect(worst(texts, try golden.file.floats(of: "text.embedding")) <= 1e-6)
    }

    @Test(arguments: cases) func everyStageIsTheLibrarys(name: String) throws {
        let folder = try Self.folder(name)
        let golden = try Golden(folder)
        let encoder = try ForeignCheckpoint(directory: folder).importModel().encoder
        let byteCount = encoder.configuration.vision.imageByteCount
        for image in 0..<golden.pixels.count / byteCount {
            let stages = encoder.imageStages(Array(golden.pixels[image * byteCount..<(image + 1) * byteCount]))
            #expect(stages.count == encoder.configuration.vision.layerCount - 1 + 5)
            for stage in stages {
                let expected = try golden.values(
                    "image.\(stage.name)", sequence: image, rowCount: encoder.configuration.vision.tokenCount)
                #expect(worst(stage.values, expected) <= 2e-5, "image \(image) \(stage.name)")
            }
        }
        for (index, text) in golden.texts.enumerated() {
            let end = Int32(encoder.configuration.text.endTokenID)
            let rowCount = try #require(text.firstIndex(of: end)) + 1
            let stages = encoder.textStages(text)
            #expect(stages.count == encoder.configuration.text.layerCount - 1 + 4)
            for stage in stages {
                let expected = try golden.values("text.\(stage.name)", sequence: index, rowCount: rowCount)
                #expect(worst(stage.values, expected) <= 2e-5, "text \(index) \(stage.name)")
            }
        }
    }

    /// The comparison must be able to fail: the other activation is far from the golden outputs.
    @Test(arguments: cases) func theOtherActivationIsNoticed(name: String) throws {
        let folder = try Self.folder(name)
        let golden = try Golden(folder)
        let copy = try ForeignFolder(copying: name)
        if name.hasPrefix("clip-hf") {
            try copy.edit("config.json") {
                $0.replacing("\"quick_gelu\"", with: "\"other\"")
                    .replacing("\"gelu\"", with: "\"quick_gelu\"").replacing("\"other\"", with: "\"gelu\"")
            }
        } else {
            try copy.edit("open_clip_config.json") { text in
                text.contains("\"quick_gelu\": true")
                    ? text.replacing("\"quick_gelu\": true", with: "\"quick_gelu\": false")
                    : text.replacing("\"embed_dim\"", with: "\"quick_gelu\": true, \"embed_dim\"")
            }
        }
        let encoder = try ForeignCheckpoint(directory: copy.path).importModel().encoder
        let count = golden.pixels.count / encoder.configuration.vision.imageByteCount
        let images = encoder.encodeImages(golden.pixels, count: count)
        #expect(worst(images, try golden.file.floats(of: "image.embedding")) > 1e-4)
        #expect(
            worst(encoder.encodeTexts(golden.texts), try golden.file.floats(of: "text.embedding")) > 1e-4)
    }

    @Test(arguments: cases) func anImportedModelIsWrittenAndReadAgain(name: String) throws {
        let golden = try Golden(try Self.folder(name))
        let encoder = try ForeignCheckpoint(directory: try Self.folder(name)).importModel().encoder
        let copy = try ForeignFolder(copying: name)
        try encoder.write(toDirectory: copy.path + "/ours")
        let again = try DualEncoder(directory: copy.path + "/ours")
        #expect(again.configuration == encoder.configuration)
        #expect(again.encodeTexts(golden.texts) == encoder.encodeTexts(golden.texts))
    }
}
