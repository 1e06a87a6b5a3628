import Foundation

/// A JSON value whose shape is not known beforehand.
enum JSONValue: Sendable, Equatable, Decodable, CustomStringConvertible {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// The number as an integer, when it is one that a Double holds exactly; sums with small numbers cannot overflow.
    var integer: Int? {
        guard case .number(let value) = self, value.magnitude <= 0x1p53 else { return nil }
        return Int(exactly: value)
    }

    /// The value as it would be written, long ones cut.
    var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .number(let value): integer.map(String.init) ?? "\(value)"
        case .string(let value): "'\(value.prefix(80))'"
        case .array(let values): "[\(values.prefix(8).map(\.description).joined(separator: ", "))]"
        case .object(let fields): fields.isEmpty ? "{}" : "{…}"
        }
    }
}

extension JSONValue: Encodable {
    /// Encodes the value; whole numbers without a fraction.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .number(let value):
            if let integer { try container.encode(integer) } else { try container.encode(value) }
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let fields): try container.encode(fields)
        }
    }

    /// The text of a file: sorted keys, so that equal values are equal bytes.
    func jsonData() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
