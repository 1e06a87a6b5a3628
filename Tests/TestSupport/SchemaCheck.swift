import Foundation

/// The part of JSON Schema 2020-12 that the files in `Schemas/` use; an unknown keyword is a problem itself.
public struct SchemaCheck {
    private let root: [String: Any]

    /// The folder `Schemas/` of the package.
    public static var folder: URL {
        URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Schemas")
    }

    /// Reads a schema of that folder.
    public init(file: String) throws {
        let url = Self.folder.appending(path: file)
        guard let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] else {
            throw CocoaError(.fileReadCorruptFile)
        }
        root = object
    }

    /// What is wrong with a JSON text, by path; empty when it conforms.
    public func problems(_ json: String) throws -> [String] {
        problems(try JSONSerialization.jsonObject(with: Data(json.utf8)), root, "$")
    }

    /// The keys that an object under a definition (or the root) may state.
    public func properties(_ definition: String? = nil) -> Set<String> {
        let schema = definition.flatMap { (root["$defs"] as? [String: [String: Any]])?[$0] } ?? root
        return Set((schema["properties"] as? [String: Any] ?? [:]).keys)
    }

    private func problems(_ value: Any, _ schema: [String: Any], _ path: String) -> [String] {
        var found: [String] = []
        for (keyword, argument) in schema {
            switch keyword {
            case "$schema", "$id", "title", "description", "$defs", "default": break
            case "$ref":
                let name = (argument as? String ?? "").replacingOccurrences(of: "#/$defs/", with: "")
                if let target = (root["$defs"] as? [String: [String: Any]])?[name] {
                    found += problems(value, target, path)
                } else {
                    found.append("\(path): no definition \(name)")
                }
            case "type":
                let names = argument as? [String] ?? [argument as? String ?? ""]
                if !names.contains(where: { isType(value, $0) }) { found.append("\(path): not \(names)") }
            case "required":
                for key in argument as? [String] ?? [] where (value as? [String: Any])?[key] == nil {
                    found.append("\(path): \(key) is missing")
                }
            case "properties":
                for (key, inner) in argument as? [String: [String: Any]] ?? [:] {
                    if let member = (value as? [String: Any])?[key] {
                        found += problems(member, inner, "\(path).\(key)")
                    }
                }
            case "items":
                for (index, element) in (value as? [Any] ?? []).enumerated() {
                    found += problems(element, argument as? [String: Any] ?? [:], "\(path)[\(index)]")
                }
            case "exclusiveMinimum":
                if let number = value as? NSNumber, let bound = argument as? NSNumber,
                    number.doubleValue <= bound.doubleValue
                {
                    found.append("\(path): \(number) is too small")
                }
            case "minimum", "maximum":
                if let number = value as? NSNumber, let bound = argument as? NSNumber {
                    let isBelow = number.doubleValue < bound.doubleValue
                    let isAbove = number.doubleValue > bound.doubleValue
                    if keyword == "minimum" ? isBelow : isAbove { found.append("\(path): \(number) breaks \(keyword)") }
                }
            case "additionalProperties":
                let known = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
                for (key, member) in value as? [String: Any] ?? [:] where !known.contains(key) {
                    if let inner = argument as? [String: Any] {
                        found += problems(member, inner, "\(path).\(key)")
                    } else if argument as? Bool == false {
                        found.append("\(path): unknown key \(key)")
                    }
                }
            case "enum":
                if !(argument as? [String] ?? []).contains(value as? String ?? "") {
                    found.append("\(path): not in enum")
                }
            case "const":
                if (argument as? NSObject) != (value as? NSObject) { found.append("\(path): not \(argument)") }
            case "oneOf":
                let fitting = (argument as? [[String: Any]] ?? []).filter { problems(value, $0, path).isEmpty }
                if fitting.count != 1 { found.append("\(path): fits \(fitting.count) of the choices") }
            case "anyOf":
                let choices = argument as? [[String: Any]] ?? []
                if !choices.contains(where: { problems(value, $0, path).isEmpty }) {
                    found.append("\(path): fits none of the choices")
                }
            case "not":
                if problems(value, argument as? [String: Any] ?? [:], path).isEmpty {
                    found.append("\(path): excluded")
                }
            case "minItems":
                if let array = value as? [Any], array.count < argument as? Int ?? 0 { found.append("\(path): too few") }
            case "maxItems":
                if let array = value as? [Any], array.count > argument as? Int ?? 0 {
                    found.append("\(path): too many")
                }
            case "uniqueItems":
                if let array = value as? [NSObject], Set(array).count < array.count {
                    found.append("\(path): an item twice")
                }
            default:
                found.append("\(path): keyword \(keyword) is not checked")
            }
        }
        return found
    }

    private func isType(_ value: Any, _ name: String) -> Bool {
        switch name {
        case "null": value is NSNull
        case "string": value is String
        case "array": value is [Any]
        case "boolean": value is Bool
        case "object": value is [String: Any]
        case "number": value is NSNumber && !(value is String)
        case "integer": (value as? NSNumber).map { $0.doubleValue == $0.doubleValue.rounded() } ?? false
        default: false
        }
    }
}
