import ByteFormats
import Foundation
import Kernels
import TestSupport
import Testing

@testable import Encoders

/// Weights that are stored in 16 bits give the vectors of the same weights in Float32, in every bit.
@Suite struct HalfWeightTests {
    private static let checkpoints = [
        "clip-openclip-gelu-f32", "clip-openclip-custom-quickgelu-f16", "clip-hf-quickgelu-f32-sharded",
        "clip-hf-gelu-bf16", "clip-openclip-heads-104", "siglip-openclip-erf", "siglip2-openclip-tanh",
        "siglip-hf-tanh-heads-72", "siglip2-hf-gelu", "eva02-openclip", "eva02-openclip-odd",
        "convnext-openclip-linear", "convnext-openclip-mlp", "resnet-openclip-quickgelu",
    ]

    /// A model's weights rounded to a format, stored in that format and in Float32, each beside the model's other files.
    private struct Pair {
        let stored: ForeignFolder
        let floats: ForeignFolder

        /// `make` gives a fresh copy of the model's folder.
        init(_ element: SafetensorsElement, shift: Int = 0, _ make: () throws -> ForeignFolder) throws {
            stored = try make()
            floats = try make()
            try stored.rewriteWeights(element, as: element, shift: shift)
            try floats.rewriteWeights(element, as: .float32)
        }
    }

    /// Bits of everything the towers give at every level, in both precisions.
    private func outputs(_ model: DualEncoder, pixels: [UInt8], count: Int, texts: [[Int32]]) -> [[Float]] {
        ProductLevel.available.flatMap { level in
            Precision.allCases.flatMap { precision -> [[Float]] in
                let encoder = model.computing(in: precision, level: level)
                return [
                    encoder.encodeImages(pixels, count: count), encoder.encodeTexts(texts),
                    encoder.imageFeatures(pixels, count: count, .tokens),
                ] + encoder.textFeatures(texts, .tokens)
            }
        }
    }

    private func expectEqual(
        _ stored: DualEncoder, _ floats: DualEncoder, pixels: [UInt8], texts: [[Int32]], _ label: String
    ) {
        let count = pixels.count / stored.configuration.vision.imageByteCount
        let expected = outputs(floats, pixels: pixels, count: count, texts: texts)
        #expect(expected.allSatisfy { $0.allSatisfy(\.isFinite) }, "\(label)")
        #expect(outputs(stored, pixels: pixels, count: count, texts: texts) == expected, "\(label)")
        #expect(stored.logitScale == floats.logitScale && stored.logitBias == floats.logitBias)
    }

    /// Names of parameters that are in 16 bits.
    private func halves(_ model: DualEncoder) -> [String] {
        model.architecture.layout.entries.filter { model.weights.pieces(of: $0.range)[0].floats == nil }.map(\.name)
    }

    @Test(arguments: checkpoints, [SafetensorsElement.float16, .bfloat16])
    func importedModels(name: String, element: SafetensorsElement) throws {
        let pair = try Pair(element) { try ForeignFolder(copying: name) }
        let stored = try ForeignCheckpoint(directory: pair.stored.path).importModel()
        let floats = try ForeignCheckpoint(directory: pair.floats.path).importModel()
        #expect(stored.elementTypes == [element.rawValue] && floats.elementTypes == ["F32"])
        let golden = try GoldenCheckpoint(folder: pair.stored.path)
        expectEqual(
            stored.encoder, floats.encoder, pixels: golden.pixels, texts: golden.texts, "\(name) \(element)")
        #expect(halves(floats.encoder).isEmpty)
        let names = halves(stored.encoder)
        #expect(names.contains("textTower.tokenEmbedding.weight"))
        #expect(names.contains("textTower.blocks.0.attention.query.weight"))
        #expect(names.contains("textTower.blocks.0.mlp.output.weight"))
        #expect(names.allSatisfy { $0.hasSuffix(".weight") && !$0.contains("depthwise") })
    }

    /// Models of our own in 16 bits: every matrix is as it is needed, convolutions too; also where the file's tensors are not aligned.
    @Test(arguments: [SafetensorsElement.float16, .bfloat16]) func ownModels(element: SafetensorsElement) throws {
        for (index, configuration) in try TestModels.variants().enumerated() {
            let architecture = try DualEncoderArchitecture(configuration)
            let encoder = try DualEncoder(
                configuration: configuration, parameters: TestModels.parameters(architecture, seed: 3))
            for shift in index == 0 ? [0, 1, 2, 3] : [0] {
                let pair = try Pair(element, shift: shift) {
                    let folder = try ForeignFolder()
                    try encoder.write(toDirectory: folder.path)
                    return folder
                }
                let stored = try DualEncoder(directory: pair.stored.path)
                let floats = try DualEncoder(directory: pair.floats.path)
                expectEqual(
                    stored, floats, pixels: TestModels.pixels(configuration, count: 3, seed: 5),
                    texts: TestModels.texts(configuration, count: 9, seed: 6), "variant \(index), \(shift) bytes off")
                let expected = architecture.layout.entries.filter(\.mayBeHalf).map(\.name)
                #expect(halves(stored) == (shift.isMultiple(of: 2) ? expected : []))
                // Written again, all of them are F32.
                try stored.write(toDirectory: pair.stored.path)
                try floats.write(toDirectory: pair.floats.path)
                #expect(try pair.stored.weights() == pair.floats.weights())
                #expect(try DualEncoder(directory: pair.stored.path, precision: .int8).precision == .int8)
            }
        }
    }

    /// Weights that are read where they are are looked at as all others are.
    @Test(arguments: [SafetensorsElement.float16, .bfloat16], [UInt16(0x7F80), 0xFF80, 0x7FFF, 0xFFC1])
    func whatIsNotFiniteIsRefused(element: SafetensorsElement, bits: UInt16) throws {
        for name in [
            "text_model.embeddings.token_embedding.weight", "vision_model.encoder.layers.1.self_attn.v_proj.weight",
            "vision_model.post_layernorm.bias",
        ] {
            let folder = try ForeignFolder(copying: "clip-hf-gelu-bf16")
            try folder.rewriteWeights(element, as: element)
            #expect(try ForeignCheckpoint(directory: folder.path).importModel().elementTypes == [element.rawValue])
            let path = folder.path + "/model.safetensors"
            let header = try SafetensorsFile(path: path).header
            let entry = try #require(header[name])
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let place = header.dataByteOffset + entry.byteRange.upperBound - 2
            bytes.replaceSubrange(place..<place + 2, with: [UInt8(bits & 255), UInt8(bits >> 8)])
            try bytes.write(to: URL(fileURLWithPath: path))
            let error = try #require(throws: EncodersError.self) {
                try ForeignCheckpoint(directory: folder.path).importModel()
            }
            #expect(error.code == .nonFiniteWeight && error.place == name)
        }
    }
}

extension ForeignFolder {
    /// Rounds the floats of every file of weights to `format` and stores them as `element`, `shift` bytes behind where they would be.
    fileprivate func rewriteWeights(
        _ format: SafetensorsElement, as element: SafetensorsElement, shift: Int = 0
    ) throws {
        for name in try weightNames() {
            let file = try SafetensorsFile(path: path + "/" + name)
            let tensors = try file.header.entries.map { entry -> SafetensorsTensor in
                if entry.element == .int64 {
                    let integers = try file.integers(of: entry.name).map(Int64.init)
                    return SafetensorsTensor(name: entry.name, shape: entry.shape, integers: integers)
                }
                let halves = Self.rounded(try file.floats(of: entry.name), to: format)
                if element != .float32 {
                    return SafetensorsTensor(name: entry.name, element: element, shape: entry.shape) {
                        unsafe try $0.write(halves.span.bytes)
                    }
                }
                var floats = [Float](repeating: 0, count: halves.count)
                var span = floats.mutableSpan
                if format == .float16 {
                    HalfPrecision.widen(halves.span, into: &span)
                } else {
                    HalfPrecision.widenBrain(halves.span, into: &span)
                }
                return SafetensorsTensor(name: entry.name, shape: entry.shape, floats: floats)
            }
            try SafetensorsFile.write(path: path + "/" + name, tensors: tensors)
            if shift > 0 { try shiftTensors(of: name, by: shift) }
        }
    }

    /// Makes a header longer.
    private func shiftTensors(of name: String, by shift: Int) throws {
        let url = URL(fileURLWithPath: path + "/" + name)
        var bytes = [UInt8](try Data(contentsOf: url))
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        for place in 0..<8 { bytes[place] = UInt8((length + shift) >> (8 * place) & 255) }
        bytes.insert(contentsOf: [UInt8](repeating: 0x20, count: shift), at: 8 + length)
        try Data(bytes).write(to: url)
    }

    /// The bytes of all files of weights.
    fileprivate func weights() throws -> [Data] {
        try weightNames().map { try Data(contentsOf: URL(fileURLWithPath: path + "/" + $0)) }
    }

    private func weightNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            .filter { $0.hasSuffix(".safetensors") && $0 != "golden.safetensors" }
    }

    private static func rounded(_ floats: [Float], to format: SafetensorsElement) -> [UInt16] {
        var halves = [UInt16](repeating: 0, count: floats.count)
        var span = halves.mutableSpan
        if format == .float16 {
            HalfPrecision.narrow(floats.span, into: &span)
        } else {
            HalfPrecision.narrowBrain(floats.span, into: &span)
        }
        return halves
    }
}
