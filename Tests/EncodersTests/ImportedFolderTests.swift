import ByteFormats
import Foundation
import TestSupport
import Testing

@testable import Encoders

/// Model folders that keep a checkpoint's own files.
@Suite struct ImportedFolderTests {
    /// The copy of a checkpoint, made a model folder by adding `model.json`.
    private func folder(_ name: String, imageSize: Int? = nil) throws -> (folder: ForeignFolder, model: DualEncoder) {
        let folder = try ForeignFolder(copying: name)
        let checkpoint = try ForeignCheckpoint(directory: folder.path, imageSize: imageSize)
        try checkpoint.description.jsonData().write(to: URL(fileURLWithPath: folder.path + "/model.json"))
        return (folder, try checkpoint.importModel().encoder)
    }

    @Test(arguments: [
        "clip-openclip-custom-quickgelu-f16", "clip-hf-quickgelu-f32-sharded", "siglip-openclip-erf",
        "siglip-hf-tanh-heads-72", "eva02-openclip", "convnext-openclip-mlp", "resnet-openclip-quickgelu",
    ]) func loadingInfersNothing(name: String) throws {
        let (folder, model) = try folder(name)
        for file in ["open_clip_config.json", "config.json", "preprocessor_config.json", "tokenizer_config.json"]
        where Folder.exists(folder.path + "/" + file) {
            try folder.remove(file)
        }
        let golden = try GoldenCheckpoint(folder: folder.path)
        let count = golden.pixels.count / model.configuration.vision.imageByteCount
        let both = try DualEncoder(directory: folder.path)
        #expect(both.configuration == model.configuration && both.towers == .all)
        #expect(both.encodeTexts(golden.texts) == model.encodeTexts(golden.texts))
        #expect(both.encodeImages(golden.pixels, count: count) == model.encodeImages(golden.pixels, count: count))
        let text = try DualEncoder(directory: folder.path, towers: .text)
        #expect(text.encodeTexts(golden.texts) == model.encodeTexts(golden.texts))
        #expect(text.logitScale == model.logitScale)
        let image = try DualEncoder(directory: folder.path, towers: .image)
        #expect(image.encodeImages(golden.pixels, count: count) == model.encodeImages(golden.pixels, count: count))
    }

    /// Equal pictures are computed once, wherever they stand, and a resumed run forms other slices: bits must not depend
    /// on neighbours.
    @Test(
        arguments: [
            "clip-hf-quickgelu-f32-sharded", "siglip-openclip-erf", "eva02-openclip", "convnext-openclip-mlp",
            "resnet-openclip-quickgelu",
        ], [Precision.fp32, .int8])
    func vectorsDependOnTheirOwnInputAlone(name: String, precision: Precision) throws {
        let (folder, imported) = try folder(name)
        let model = imported.computing(in: precision)
        let byteCount = model.configuration.vision.imageByteCount
        let golden = try GoldenCheckpoint(folder: folder.path)
        let picture = Array(golden.pixels.prefix(byteCount))
        let alone = model.encodeImages(picture, count: 1)
        let others = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 3) }
        for position in Set([0, 1, model.imageSliceRowCount - 1, model.imageSliceRowCount]) {
            let count = model.imageSliceRowCount + 1
            let batch = (0..<count).flatMap { $0 == position ? picture : others }
            let vectors = model.encodeImages(batch, count: count)
            let width = model.embeddingDimension
            #expect(Array(vectors[position * width..<(position + 1) * width]) == alone, "place \(position)")
        }
        let texts = golden.texts
        let together = model.encodeTexts(texts)
        for (index, text) in texts.enumerated() {
            let width = model.embeddingDimension
            #expect(model.encodeTexts([text]) == Array(together[index * width..<(index + 1) * width]), "text \(index)")
        }
    }

    /// A tower that is not asked for is not read: damage there goes unnoticed, and is noticed when it is asked for.
    @Test func theOtherTowerIsNotRead() throws {
        let (folder, model) = try folder("clip-openclip-gelu-f32")
        try folder.setValue(of: "visual.proj", at: 3, to: .infinity)
        let golden = try GoldenCheckpoint(folder: folder.path)
        let text = try DualEncoder(directory: folder.path, towers: .text)
        #expect(text.encodeTexts(golden.texts) == model.encodeTexts(golden.texts))
        let error = try #require(throws: EncodersError.self) {
            try DualEncoder(directory: folder.path, towers: .image)
        }
        #expect(error.code == .nonFiniteWeight && error.place == "visual.proj")
    }

    @Test(arguments: [("clip-openclip-gelu-f32", "bicubic_antialiased"), ("clip-hf-gelu-bf16", "bicubic")])
    func anotherImageSizeIsRecordedAndInterpolated(name: String, kernel: String) throws {
        let native = try ForeignCheckpoint(directory: ForeignCheckpointGoldenTests.folder(name))
        let size = native.configuration.vision.imageSize + 2 * native.configuration.vision.patchSize
        let (folder, model) = try folder(name, imageSize: size)
        let checkpoint = try ForeignCheckpoint(directory: folder.path, imageSize: size)
        #expect(checkpoint.notes.contains { $0.contains("interpolated") && $0.contains(kernel) })
        #expect(try checkpoint.report().reshapedTensors.count == 1)
        #expect(model.configuration.vision.imageSize == size)
        let description = try ModelDescription(directory: folder.path)
        #expect(description.storage?.positionInterpolation?.rawValue == kernel)
        let pixels = TestModels.pixels(model.configuration, count: 2, seed: 4)
        #expect(
            try DualEncoder(directory: folder.path).encodeImages(pixels, count: 2)
                == model.encodeImages(pixels, count: 2))
    }

    @Test func sizesThatTheLibraryCannotUseAreRefused() throws {
        let resnet = try ForeignCheckpointGoldenTests.folder("resnet-openclip-quickgelu")
        let error = try #require(throws: EncodersError.self) {
            try ForeignCheckpoint(directory: resnet, imageSize: 4096)
        }
        #expect(error.code == .unsupportedModel)
        let clip = try ForeignCheckpointGoldenTests.folder("clip-hf-gelu-bf16")
        for size in [0, -5, 1, 1 << 40] {
            let error = try #require(throws: EncodersError.self) {
                try ForeignCheckpoint(directory: clip, imageSize: size)
            }
            #expect(error.code == .invalidConfiguration)
        }
    }

    @Test(arguments: ["../weights.safetensors", "/etc/passwd", ".hidden", "a/b.safetensors", ""])
    func aDescriptionNamesNothingOutsideTheFolder(name: String) throws {
        let (folder, _) = try folder("clip-openclip-gelu-f32")
        try folder.edit("model.json") { $0.replacing("\"open_clip_model.safetensors\"", with: "\"\(name)\"") }
        let error = try #require(throws: EncodersError.self) { try DualEncoder(directory: folder.path) }
        #expect(error.code == .invalidDescription && error.message.contains("nothing else is ever opened"))
    }

    @Test func unknownStorageIsRefused() throws {
        for (old, new) in [
            ("\"openCLIP\"", "\"openCLIP2\""), ("\"naming\"", "\"more\": 1, \"naming\""), ("\"files\"", "\"file\""),
        ] {
            let (folder, _) = try folder("clip-openclip-gelu-f32")
            try folder.edit("model.json") { $0.replacing(old, with: new) }
            let error = try #require(throws: EncodersError.self) { try DualEncoder(directory: folder.path) }
            #expect(error.code == .invalidDescription, "\(new): \(error)")
        }
    }

    @Test func anImportSeesEveryWeight() throws {
        let name = "clip-openclip-gelu-f32"
        let folder = try ForeignFolder(copying: name)
        func check() throws {
            let checkpoint = try ForeignCheckpoint(directory: folder.path)
            for part in 0..<checkpoint.partCount { try checkpoint.checkFinite(part: part) }
        }
        try check()
        for tensor in ["logit_scale", "token_embedding.weight", "visual.conv1.weight"] {
            for value in [Float.nan, .infinity, -.infinity] {
                let old = try folder.setValue(of: tensor, at: 0, to: value)
                let error = try #require(throws: EncodersError.self) { try check() }
                #expect(error.code == .nonFiniteWeight && error.place == tensor)
                try folder.setValue(of: tensor, at: 0, to: old)
            }
        }
    }

    /// Every cut of the weights is one clear error, before anything is read.
    @Test func truncatedWeightsAreRefused() throws {
        let folder = try ForeignFolder(copying: "clip-hf-gelu-bf16")
        let url = URL(fileURLWithPath: folder.path + "/model.safetensors")
        let bytes = try Data(contentsOf: url)
        for count in [0, 1, 7, 8, 9, 100, bytes.count / 2, bytes.count - 1] {
            try bytes.prefix(count).write(to: url)
            let error = try #require(throws: EncodersError.self) { try ForeignCheckpoint(directory: folder.path) }
            #expect(error.code == .fileAccess && error.cause is ByteFormatError, "\(count): \(error)")
        }
        // A header that claims more than there is, and more than there could be.
        for claim in [UInt64(1) << 20, 1 << 40, .max] {
            var spoilt = bytes
            spoilt.replaceSubrange(0..<8, with: (0..<8).map { UInt8(truncatingIfNeeded: claim >> (8 * $0)) })
            try spoilt.write(to: url)
            let error = try #require(throws: EncodersError.self) { try ForeignCheckpoint(directory: folder.path) }
            #expect(error.code == .fileAccess && error.cause is ByteFormatError)
        }
    }

    @Test func hugeDescriptionsAreRefusedUnread() throws {
        let folder = try ForeignFolder(copying: "clip-openclip-gelu-f32")
        let path = folder.path + "/open_clip_config.json"
        // A sparse file: it takes no space, and reading it would.
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 1 << 40)
        try handle.close()
        let error = try #require(throws: EncodersError.self) { try ForeignCheckpoint(directory: folder.path) }
        #expect(error.code == .fileAccess && "\(error)".contains("bytes, at most"))
    }

    @Test func deepDescriptionsAreRefused() throws {
        let folder = try ForeignFolder(copying: "clip-openclip-gelu-f32")
        try folder.edit("open_clip_config.json") { _ in String(repeating: "[", count: 1_000_000) }
        let error = try #require(throws: EncodersError.self) { try ForeignCheckpoint(directory: folder.path) }
        #expect(error.code == .fileAccess)
    }
}

extension ForeignFolder {
    /// Overwrites one F32 value of the weights and returns the old one.
    @discardableResult
    func setValue(of tensor: String, at index: Int, to value: Float) throws -> Float {
        let path = path + "/open_clip_model.safetensors"
        let header = try SafetensorsFile(path: path).header
        let entry = try #require(header[tensor])
        let old = try SafetensorsFile(path: path).floats(of: tensor)[index]
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let place = header.dataByteOffset + entry.byteRange.lowerBound + 4 * index
        bytes.replaceSubrange(
            place..<place + 4, with: (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) })
        try bytes.write(to: URL(fileURLWithPath: path))
        return old
    }
}
