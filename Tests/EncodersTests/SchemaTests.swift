import Encoders
import Foundation
import Testing

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

    @Test func keysAgree() throws {
        let base = try TestModels.configuration(stem: .patch)
        // Not the default: otherwise the key is left out.
        let configuration = try DualEncoderConfiguration(
            embeddingDimension: base.embeddingDimension, vision: base.vision, text: base.text,
            preprocessing: .init(cropRounding: .down))
        #expect(try DualEncoderConfiguration(jsonData: configuration.jsonData()) == configuration)
        let data = try configuration.jsonData()
        let written = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        try compare(schema(), written, "model.json")
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
        for key in schema["required"] as? [String] ?? [] {
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
