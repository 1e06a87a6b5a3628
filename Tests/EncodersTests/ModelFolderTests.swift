import ByteFormats
import Encoders
import Foundation
import Kernels
import Testing

@Suite struct ModelFolderTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vlmpipe-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func encoder() throws -> DualEncoder {
        let configuration = try TestModels.configuration(stem: .convolutional)
        let architecture = try DualEncoderArchitecture(configuration)
        return try DualEncoder(configuration: configuration, parameters: TestModels.parameters(architecture, seed: 1))
    }

    @Test func writtenAndReadAgain() throws {
        try withFolder { folder in
            let encoder = try encoder()
            try encoder.write(toDirectory: folder + "/models/tiny")
            let again = try DualEncoder(directory: folder + "/models/tiny")
            #expect(again.configuration == encoder.configuration && again.logitScale == encoder.logitScale)
            let texts = TestModels.texts(encoder.configuration, count: 9, seed: 2)
            let pixels = TestModels.pixels(encoder.configuration, count: 3, seed: 3)
            #expect(again.encodeTexts(texts) == encoder.encodeTexts(texts))
            #expect(again.encodeImages(pixels, count: 3) == encoder.encodeImages(pixels, count: 3))
            try again.write(toDirectory: folder + "/second")
            for name in [DualEncoder.weightsFileName, DualEncoder.descriptionFileName] {
                #expect(
                    try Data(contentsOf: URL(fileURLWithPath: "\(folder)/models/tiny/\(name)"))
                        == Data(contentsOf: URL(fileURLWithPath: "\(folder)/second/\(name)")))
            }
        }
    }

    /// Tensors that lie where the machine could not use them are copied; both precisions, and the model written again, are the same.
    @Test func unalignedWeights() throws {
        try withFolder { folder in
            let encoder = try encoder()
            try encoder.write(toDirectory: folder)
            let texts = TestModels.texts(encoder.configuration, count: 9, seed: 2)
            let pixels = TestModels.pixels(encoder.configuration, count: 3, seed: 3)
            let path = URL(fileURLWithPath: folder + "/" + DualEncoder.weightsFileName)
            let bytes = [UInt8](try Data(contentsOf: path))
            for shift in 0..<4 {
                var shifted = bytes
                let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
                let padded = length + shift
                for place in 0..<8 { shifted[place] = UInt8(padded >> (8 * place) & 255) }
                shifted.insert(contentsOf: [UInt8](repeating: 0x20, count: shift), at: 8 + length)
                try Data(shifted).write(to: path)
                for precision in Precision.allCases {
                    let again = try DualEncoder(directory: folder, precision: precision)
                    let expected = encoder.computing(in: precision)
                    #expect(again.encodeTexts(texts) == expected.encodeTexts(texts), "\(shift) \(precision)")
                    #expect(again.encodeImages(pixels, count: 3) == expected.encodeImages(pixels, count: 3))
                    #expect(again.computing(in: .fp32).encodeTexts(texts) == encoder.encodeTexts(texts))
                    try again.write(toDirectory: folder + "/again")
                    #expect(
                        try Data(contentsOf: URL(fileURLWithPath: folder + "/again/" + DualEncoder.weightsFileName))
                            == Data(bytes))
                }
            }
        }
    }

    @Test func aSnapshotDoesNotFollowItsSource() throws {
        let configuration = try TestModels.configuration(stem: .patch)
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = architecture.initialParameters(seed: 1)
        let encoder = try DualEncoder(configuration: configuration, parameters: parameters)
        let before = encoder.encodeTexts([[1, 19]])
        RowKernels.fill(FloatRegion(parameters), with: 0.5)
        #expect(encoder.encodeTexts([[1, 19]]) == before)
    }

    @Test func weightsOfAnotherModelAreRefused() throws {
        try withFolder { folder in
            let encoder = try encoder()
            try encoder.write(toDirectory: folder)
            let other = try TestModels.configuration(stem: .patch)
            try other.jsonData().write(to: URL(fileURLWithPath: folder + "/model.json"))
            let error = try #require(throws: EncodersError.self) { try DualEncoder(directory: folder) }
            #expect(error.code == .weightMismatch)
            #expect(error.message.contains("'imageTower.stem.patch.weight' is missing"))
            #expect(error.message.contains("'imageTower.stem.convolutions.0.weight' is not a parameter"))
        }
    }

    @Test func missingAndDamagedFilesAreNamed() throws {
        try withFolder { folder in
            let absent = try #require(throws: EncodersError.self) { try DualEncoder(directory: folder) }
            #expect(absent.code == .fileAccess && absent.place.hasSuffix("model.json"))
            try encoder().write(toDirectory: folder)
            let path = folder + "/weights.safetensors"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            try bytes.prefix(bytes.count - 5).write(to: URL(fileURLWithPath: path))
            let cut = try #require(throws: EncodersError.self) { try DualEncoder(directory: folder) }
            #expect(cut.code == .fileAccess && cut.place == path && cut.cause is ByteFormatError)
        }
    }

    @Test func badWeightsAreRefused() throws {
        let configuration = try TestModels.configuration(stem: .patch)
        let parameters = try DualEncoderArchitecture(configuration).initialParameters(seed: 1)
        parameters[parameters.count - 2] = .nan
        let error = try #require(throws: EncodersError.self) {
            try DualEncoder(configuration: configuration, parameters: parameters)
        }
        #expect(error.code == .nonFiniteWeight && error.place == "textTower.projection.weight")
        let short = try #require(throws: EncodersError.self) {
            try DualEncoder(configuration: configuration, parameters: FloatBuffer(count: 3))
        }
        #expect(short.code == .weightMismatch)
    }
}
