import Encoders
import Foundation
import Testing

/// Checkpoints with a convolutional image tower that open_clip wrote, with their stage outputs; see convnet_cases of
/// Tests/Peers/tiny_checkpoints.py.
@Suite struct ConvolutionalTowerGoldenTests {
    /// ConvNeXt of odd grids (45 pixels: 11, 5, 2, 1 cells) with one map as its head, and with two; the modified ResNet.
    static let cases = ["convnext-openclip-linear", "convnext-openclip-mlp", "resnet-openclip-quickgelu"]

    @Test(arguments: cases) func embeddingsAreTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let imported = try ForeignCheckpoint(directory: golden.folder).importModel()
        #expect(imported.unusedTensors.isEmpty && imported.reshapedTensors.isEmpty)
        let count = golden.pixels.count / imported.encoder.configuration.vision.imageByteCount
        let images = imported.encoder.encodeImages(golden.pixels, count: count)
        let texts = imported.encoder.encodeTexts(golden.texts)
        #expect(GoldenCheckpoint.worst(images, try golden.floats("image.embedding")) <= 1e-6)
        #expect(GoldenCheckpoint.worst(texts, try golden.floats("text.embedding")) <= 1e-6)
    }

    @Test(arguments: cases) func everyStageIsTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let encoder = try ForeignCheckpoint(directory: golden.folder).importModel().encoder
        let byteCount = encoder.configuration.vision.imageByteCount
        for image in 0..<golden.pixels.count / byteCount {
            let stages = encoder.imageStages(Array(golden.pixels[image * byteCount..<(image + 1) * byteCount]))
            #expect(
                stages.map(\.name.description) == [
                    "stem", "stage.0", "stage.1", "stage.2", "stage.3", "pooled", "projected", "embedding",
                ])
            for stage in stages {
                let expected = try golden.values("image.\(stage.name)", sequence: image, rowCount: .max)
                #expect(
                    GoldenCheckpoint.worst(stage.values, expected) <= 2e-5, "\(name) image \(image) \(stage.name)")
            }
        }
    }

    /// Before the projection: the trunk's output or the attended vector, and the cells of the last stage.
    @Test(arguments: cases) func featuresAreTheLibrarys(name: String) throws {
        let golden = try GoldenCheckpoint(name)
        let encoder = try ForeignCheckpoint(directory: golden.folder).importModel().encoder
        let count = golden.pixels.count / encoder.configuration.vision.imageByteCount
        let pooled = encoder.imageFeatures(golden.pixels, count: count, .pooled)
        let stage = golden.holds("image.features") ? "image.features" : "image.pooled"
        #expect(GoldenCheckpoint.worst(pooled, try golden.floats(stage)) <= 2e-5)
        let cells = try golden.floats("image.stage.3")
        for feature in [DualEncoder.ImageFeature.tokens, .spatial] {
            #expect(encoder.shape(of: feature).reduce(count, *) == cells.count)
            let actual = encoder.imageFeatures(golden.pixels, count: count, feature)
            #expect(GoldenCheckpoint.worst(actual, cells) <= 2e-5)
        }
    }

    /// The comparison must be able to fail: other weights of one layer are noticed.
    @Test(arguments: [
        ("convnext-openclip-linear", "visual.trunk.stages.1.blocks.0.gamma"),
        ("convnext-openclip-mlp", "visual.head.mlp.fc1.bias"),
        ("resnet-openclip-quickgelu", "visual.layer2.1.bn2.running_mean"),
    ])
    func anotherTensorIsNoticed(name: String, tensor: String) throws {
        let golden = try GoldenCheckpoint(name)
        let copy = try ForeignFolder(copying: name)
        try copy.zero(tensor)
        let encoder = try ForeignCheckpoint(directory: copy.path).importModel().encoder
        let count = golden.pixels.count / encoder.configuration.vision.imageByteCount
        let images = encoder.encodeImages(golden.pixels, count: count)
        #expect(GoldenCheckpoint.worst(images, try golden.floats("image.embedding")) > 1e-3)
    }

    /// An embedding is the same bits in any company.
    @Test(arguments: cases) func slicesDoNotMix(name: String) throws {
        let encoder = try ForeignCheckpoint(directory: GoldenCheckpoint.path(name)).importModel().encoder
        let count = 2 * encoder.imageSliceRowCount + 1
        let pixels = TestModels.pixels(encoder.configuration, count: count, seed: 3)
        let together = encoder.encodeImages(pixels, count: count)
        let byteCount = encoder.configuration.vision.imageByteCount
        let alone = (0..<count).flatMap {
            encoder.encodeImages(Array(pixels[$0 * byteCount..<($0 + 1) * byteCount]), count: 1)
        }
        #expect(together == alone)
    }

    @Test(arguments: cases) func aDescriptionIsWrittenAndReadAgain(name: String) throws {
        let configuration = try ForeignCheckpoint(directory: GoldenCheckpoint.path(name)).configuration
        #expect(try DualEncoderConfiguration(jsonData: configuration.jsonData()) == configuration)
        #expect(configuration.vision.architecture != .transformer)
    }

    @Test(arguments: [
        ("convnext-openclip-linear", "\"convnext_base\"", "\"convnextv2_base\"", "timm_model_name"),
        ("convnext-openclip-linear", "\"timm_pool\": \"\"", "\"timm_pool\": \"max\"", "timm_pool"),
        ("convnext-openclip-linear", "\"timm_proj\": \"linear\"", "\"timm_proj\": \"none\"", "timm_proj"),
        ("convnext-openclip-linear", "\"timm_drop\"", "\"timm_proj_bias\": true, \"timm_drop\"", "timm_proj_bias"),
        ("convnext-openclip-linear", "\"depths\"", "\"conv_mlp\": true, \"depths\"", "conv_mlp"),
        ("convnext-openclip-mlp", "\"timm_drop\"", "\"surprise\": 1, \"timm_drop\"", "surprise"),
        ("convnext-openclip-mlp", "size\": 40", "size\": 31", "image_size"),
        ("resnet-openclip-quickgelu", "\"head_width\": 32", "\"head_width\": 9", "heads"),
        ("resnet-openclip-quickgelu", "\"head_width\": 32", "\"surprise\": 32", "surprise"),
        ("resnet-openclip-quickgelu", "size\": 64", "size\": 95", "image_size"),
    ])
    func whatIsNotComputedIsRefused(name: String, old: String, new: String, mention: String) throws {
        let copy = try ForeignFolder(copying: name)
        try copy.edit("open_clip_config.json") { text in
            #expect(text.contains(old))
            return text.replacing(old, with: new)
        }
        let error = #expect(throws: EncodersError.self) { try ForeignCheckpoint(directory: copy.path) }
        #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
    }

    /// What a trunk's name says; see timm's `convnext.py`.
    @Test(arguments: [
        ("convnext_small", [3, 3, 27, 3], [96, 192, 384, 768], Float(1e-6)),
        ("convnext_base", [3, 3, 27, 3], [128, 256, 512, 1024], 1e-6),
        ("convnext_large", [3, 3, 27, 3], [192, 384, 768, 1536], 1e-6),
        ("convnext_xxlarge", [3, 4, 30, 3], [384, 768, 1536, 3072], 1e-5),
    ])
    func trunksHaveTheirShapes(name: String, depths: [Int], widths: [Int], epsilon: Float) throws {
        let copy = try ForeignFolder(copying: "convnext-openclip-mlp")
        try copy.edit("open_clip_config.json") { text in
            let object = try #require(
                JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            var model = try #require(object["model_cfg"] as? [String: Any])
            var vision = try #require(model["vision_cfg"] as? [String: Any])
            vision["timm_model_name"] = name
            vision["timm_model_kwargs"] = nil
            model["vision_cfg"] = vision
            let changed = object.merging(["model_cfg": model]) { $1 }
            return String(decoding: try JSONSerialization.data(withJSONObject: changed), as: UTF8.self)
        }
        let vision = try ForeignCheckpoint(directory: copy.path).configuration.vision
        #expect(
            vision.architecture
                == .convNeXt(.init(depths: depths, widths: widths, normEpsilon: epsilon, head: .mlp)))
    }

    @Test(arguments: [
        ("convnext-openclip-linear", "visual.trunk.stages.0.blocks.0.gamma"),
        ("resnet-openclip-quickgelu", "visual.layer1.0.downsample.1.running_var"),
        ("resnet-openclip-quickgelu", "visual.layer1.0.bn1.bias"),
    ])
    func aMissingTensorIsRefused(name: String, tensor: String) throws {
        let copy = try ForeignFolder(copying: name)
        try copy.rename(tensor: tensor)
        let checkpoint = try ForeignCheckpoint(directory: copy.path)
        let error = #expect(throws: EncodersError.self) { try checkpoint.importModel(allowsUnusedTensors: true) }
        #expect(error?.code == .weightMismatch)
        #expect(error?.message.contains("'\(tensor)' is missing") == true)
    }
}

extension ForeignFolder {
    private static let weights = "open_clip_model.safetensors"

    /// Fills a tensor with zeros.
    func zero(_ tensor: String) throws {
        let url = URL(fileURLWithPath: path + "/" + Self.weights)
        var data = try Data(contentsOf: url)
        let headerCount = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(
            JSONSerialization.jsonObject(with: data[8..<8 + headerCount]) as? [String: [String: Any]])
        let offsets = try #require(header[tensor]?["data_offsets"] as? [Int])
        let range = 8 + headerCount + offsets[0]..<8 + headerCount + offsets[1]
        data.replaceSubrange(range, with: Data(count: range.count))
        try data.write(to: url)
    }

    /// Gives a tensor a name of the same length that nothing knows.
    func rename(tensor: String) throws {
        let url = URL(fileURLWithPath: path + "/" + Self.weights)
        var data = try Data(contentsOf: url)
        let range = try #require(data.range(of: Data("\"\(tensor)\"".utf8)))
        data.replaceSubrange(range, with: Data("\"\(String(repeating: "x", count: tensor.utf8.count))\"".utf8))
        try data.write(to: url)
    }
}
