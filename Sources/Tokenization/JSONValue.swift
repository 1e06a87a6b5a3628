/// A small JSON value: the settings beside the large tables of a tokenizer file.
enum JSONValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The value under a key; nil when this is no object, has no such key, or has null there.
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self, let value = members[key], value != .null else { return nil }
        return value
    }

    /// The text of a string.
    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The items of an array.
    var items: [JSONValue]? {
        if case .array(let items) = self { items } else { nil }
    }

    /// The value of a boolean.
    var flag: Bool? {
        if case .boolean(let flag) = self { flag } else { nil }
    }

    /// The value of a whole number that an id can be.
    var id: Int32? {
        if case .number(let number) = self { Int32(exactly: number) } else { nil }
    }
}
