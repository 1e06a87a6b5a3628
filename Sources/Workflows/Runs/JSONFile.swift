import ByteFormats
import Foundation

/// JSON with sorted keys and a final newline, so that equal values are equal bytes.
public enum JSONFile {
    /// The text of a value, indented.
    public static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    /// The text of a value on one line without a newline.
    public static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Writes a value as a whole file or not at all.
    public static func write(_ value: some Encodable, to path: String) throws {
        try AtomicFile.write(path: path, bytes: Array(try text(value).utf8))
    }

    /// Reads a value.
    ///
    /// - Throws: `WorkflowError` naming the file, with code `noInput` when it cannot be read and `badData` when it does
    ///   not hold the value.
    public static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw WorkflowError(.noInput, "the file cannot be read", place: path)
        }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch {
            throw WorkflowError(.badData, "the file is not a valid \(type)", place: path, cause: error)
        }
    }
}
