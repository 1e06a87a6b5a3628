import ByteFormats
import Encoders
import Foundation
import Testing

/// The same weights under the variants of names and shapes that are found in the wild, and swapped on purpose.
@Suite struct ForeignVariantTests {
    private struct Tensor {
        var name: String
        var shape: [Int]
        var values: [Float]
    }

    private let original = "clip-openclip-gelu-f32"

    /// Text embeddings of the golden texts after `change` was made to each tensor of the file.
    private func texts(_ change: (inout Tensor) -> Void) throws -> (model: ImportedModel, texts: [Float]) {
        let folder = try ForeignFolder(copying: original)
        let path = folder.path + "/open_clip_model.safetensors"
        let source = try SafetensorsFile(path: path)
        let tensors = try source.header.entries.map { entry in
            var tensor = Tensor(name: entry.name, shape: entry.shape, values: try source.floats(of: entry.name))
            change(&tensor)
            return tensor
        }
        try SafetensorsFile.write(
            path: path,
            tensors: tensors.map { tensor in
                SafetensorsTensor(name: tensor.name, element: .float32, shape: tensor.shape) { file in
                    try unsafe file.write(tensor.values.span.bytes)
                }
            })
        let model = try ForeignCheckpoint(directory: folder.path).importModel()
        let golden = try GoldenCheckpoint(folder: folder.path)
        return (model, model.encoder.encodeTexts(golden.texts))
    }

    @Test func aParallelTrainingsPrefixIsDropped() throws {
        #expect(try texts { $0.name = "module." + $0.name }.texts == texts { _ in }.texts)
    }

    @Test func aLinearProjectionIsRecognisedByItsKey() throws {
        let linear = try texts { tensor in
            guard tensor.name == "text_projection" else { return }
            let (rows, columns, values) = (tensor.shape[0], tensor.shape[1], tensor.values)
            tensor.name = "text_projection.weight"
            tensor.shape = [columns, rows]
            tensor.values = (0..<rows * columns).map { values[$0 % rows * columns + $0 / rows] }
        }
        #expect(try linear.texts == texts { _ in }.texts)
    }

    @Test func aLogitScaleInBracketsIsTakenAndReported() throws {
        let model = try texts { if $0.name == "logit_scale" { $0.shape = [1] } }.model
        #expect(model.reshapedTensors == ["logit_scale [1] as []"])
        #expect(abs(model.encoder.logitScale - 2.6592600) < 1e-5)
    }

    /// Query, key and value rows in another order must not pass the golden comparison.
    @Test func anotherOrderOfQueryKeyAndValueIsNoticed() throws {
        let swapped = try texts { tensor in
            guard tensor.name.hasSuffix("in_proj_weight") else { return }
            let third = tensor.values.count / 3
            tensor.values = Array(tensor.values[third...] + tensor.values[..<third])
        }
        let right = try texts { _ in }.texts
        #expect(zip(swapped.texts, right).contains { abs($0 - $1) > 1e-2 })
    }

    @Test func anInfiniteWeightIsRefused() throws {
        let error = try #require(throws: EncodersError.self) {
            _ = try texts { if $0.name == "visual.ln_post.bias" { $0.values[3] = .infinity } }
        }
        #expect(error.code == .nonFiniteWeight && error.place == "visual.ln_post.bias")
    }
}
