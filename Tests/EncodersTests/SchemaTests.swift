import Foundation
import Testing

@testable import Encoders

/// `Schemas/model.schema.json` lists exactly the keys that the code writes and reads.
@Suite struct SchemaTests {
    private func schema() throws -> [String: Any] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appendingPathComponent("Schemas/model.schema.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func compare(_ schema: [String: Any], _ value: [String: Any], _ path: String) throws {
        let properties = try #require(schema["properties"] as? [String: Any])
        #expect(Set(properties.keys) == Set(value.keys), "keys of \(path)")
        #expect(schema["additionalProperties"] as? Bool == false, "\(path) is closed")
        for (key, nested) in value {
            guard let nested = nested as? [String: Any] else { continue }
            try compare(try #require(properties[key] as? [String: Any]), nested, path + "." + key)
        }
    }

    /// All keys that any model writes, each with its value in one of them.
    private func merged(_ first: [String: Any], _ second: [String: Any]) -> [String: Any] {
        first.merging(second) { left, right in
            guard let left = left as? [String: Any], let right = right as? [String: Any] else { return right }
            return merged(left, right)
        }
    }

    @Test func keysAgree() throws {
        var written: [String: Any] = [:]
        for configuration in try TestModels.variants() {
            let data = try configuration.jsonData()
            #expect(try DualEncoderConfiguration(jsonData: data) == configuration)
            written = merged(written, try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]))
        }
        // A description of weights that were imported.
        let imported = ModelDescription(
            configuration: try TestModels.configuration(stem: .patch),
            storage: WeightStorage(naming: .openCLIP, fileNames: ["x.safetensors"], positionInterpolation: .bicubic))
        let data = try JSONEncoder().encode(imported)
        written = merged(written, try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]))
        try compare(schema(), written, "model.json")
    }

    /// The names that the schema lists for a choice are those of the code.
    @Test func choicesAgree() throws {
        typealias Configuration = DualEncoderConfiguration
        func choices(_ path: String...) throws -> [String] {
            var object = try schema()
            for name in path {
                let properties = try #require(object["properties"] as? [String: Any])
                object = try #require(properties[name] as? [String: Any], "\(name)")
            }
            return try #require(object["enum"] as? [String])
        }
        let (model, vision, text) = ("model_cfg", "vision_cfg", "text_cfg")
        #expect(try choices(model, "activation") == Configuration.Activation.allCases.map(\.rawValue))
        #expect(try choices(model, vision, "stem") == Configuration.Stem.allCases.map(\.rawValue))
        #expect(try choices(model, vision, "pool_type") == Configuration.VisionPooling.allCases.map(\.rawValue))
        #expect(try choices(model, vision, "mlp") == Configuration.VisionMLP.allCases.map(\.rawValue))
        #expect(try choices(model, vision, "convnext", "head") == Configuration.ConvNeXt.Head.allCases.map(\.rawValue))
        #expect(try choices(model, text, "pool_type") == Configuration.TextPooling.allCases.map(\.rawValue))
        #expect(try choices("weights", "naming") == ForeignNaming.allCases.map(\.rawValue))
        #expect(try choices("weights", "position_interpolation") == PositionInterpolation.allCases.map(\.rawValue))
    }

    /// A description with the required keys alone decodes, and without any one of them it does not.
    @Test func requiredKeysAgree() throws {
        let data = try TestModels.configuration(stem: .patch).jsonData()
        let written = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let minimal = try onlyRequired(written, schema())
        _ = try DualEncoderConfiguration(jsonData: JSONSerialization.data(withJSONObject: minimal))
        for path in keyPaths(minimal) {
            let smaller = removing(path[...], from: minimal)
            #expect(throws: EncodersError.self, "without \(path)") {
                try DualEncoderConfiguration(jsonData: JSONSerialization.data(withJSONObject: smaller))
            }
        }
    }

    private func onlyRequired(_ value: [String: Any], _ schema: [String: Any]) throws -> [String: Any] {
        let properties = try #require(schema["properties"] as? [String: Any])
        var result: [String: Any] = [:]
        // The first alternative is that of a transformer, as the test model is.
        let alternative = (schema["anyOf"] as? [[String: Any]])?.first?["required"] as? [String] ?? []
        for key in (schema["required"] as? [String] ?? []) + alternative {
            if let nested = value[key] as? [String: Any], let nestedSchema = properties[key] as? [String: Any] {
                result[key] = try onlyRequired(nested, nestedSchema)
            } else {
                result[key] = value[key]
            }
        }
        // The test model's head width is not the default.
        if value["head_width"] != nil { result["head_width"] = value["head_width"] }
        return result
    }

    private func keyPaths(_ value: [String: Any]) -> [[String]] {
        value.flatMap { key, nested in
            key == "head_width" ? [] : [[key]] + keyPaths(nested as? [String: Any] ?? [:]).map { [key] + $0 }
        }
    }

    private func removing(_ path: ArraySlice<String>, from value: [String: Any]) -> [String: Any] {
        var value = value
        guard let key = path.first else { return value }
        if path.count == 1 {
            value[key] = nil
        } else {
            value[key] = removing(path.dropFirst(), from: value[key] as? [String: Any] ?? [:])
        }
        return value
    }
}
