/// A JSON object read key by key, which collects what is wrong instead of stopping at the first problem.
struct StrictObject {
    struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) {
            stringValue = name
        }

        init?(stringValue: String) {
            self.init(stringValue)
        }

        init?(intValue: Int) {
            nil
        }
    }

    private let container: KeyedDecodingContainer<Key>?
    private let path: String
    private var known: Set<String> = []
    private(set) var problems: [String] = []

    init(_ decoder: any Decoder) throws {
        container = try decoder.container(keyedBy: Key.self)
        path = ""
    }

    private init(container: KeyedDecodingContainer<Key>?, path: String) {
        self.container = container
        self.path = path
    }

    /// The value of a key; `fallback` when the key is absent, and a problem when there is no fallback or the type differs.
    mutating func value<Value: Decodable>(_ name: String, _ type: Value.Type, default fallback: Value? = nil) -> Value?
    {
        known.insert(name)
        guard let container else { return fallback }
        guard container.contains(Key(name)) else {
            if fallback == nil { problems.append("\(path)\(name) is missing") }
            return fallback
        }
        do {
            return try container.decode(type, forKey: Key(name))
        } catch {
            problems.append("\(path)\(name) is not \(Self.title(of: type))")
            return nil
        }
    }

    /// The value of a key, nil when the key is absent.
    mutating func optional<Value: Decodable>(_ name: String, _ type: Value.Type) -> Value? {
        known.insert(name)
        guard let container, container.contains(Key(name)) else { return nil }
        return value(name, type)
    }

    /// The case of an enumeration that a string names, nil when the key is absent.
    mutating func optionalChoice<Value: RawRepresentable & CaseIterable>(_ name: String, _ type: Value.Type) -> Value?
    where Value.RawValue == String {
        known.insert(name)
        guard let container, container.contains(Key(name)) else { return nil }
        return choice(name, type)
    }

    /// Reads the object of a key with `body` when the key is there.
    mutating func optionalObject<Result>(_ name: String, _ body: (inout StrictObject) -> Result?) -> Result? {
        known.insert(name)
        guard let container, container.contains(Key(name)) else { return nil }
        return object(name, body)
    }

    /// The case of an enumeration that a string names.
    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Value.Type, default fallback: Value? = nil
    ) -> Value? where Value.RawValue == String {
        guard let text = value(name, String.self, default: fallback?.rawValue) else { return nil }
        guard let value = Value(rawValue: text) else {
            let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
            problems.append("\(path)\(name) is '\(text)', must be one of \(choices)")
            return nil
        }
        return value
    }

    /// Reads an object below this one with `body` and takes over its problems.
    mutating func object<Result>(_ name: String, isRequired: Bool = true, _ body: (inout StrictObject) -> Result)
        -> Result
    {
        known.insert(name)
        var nested: KeyedDecodingContainer<Key>?
        if let container, container.contains(Key(name)) {
            do {
                nested = try container.nestedContainer(keyedBy: Key.self, forKey: Key(name))
            } catch {
                problems.append("\(path)\(name) is not an object")
            }
        } else if isRequired, container != nil {
            problems.append("\(path)\(name) is missing")
        }
        var object = StrictObject(container: nested, path: "\(path)\(name).")
        let result = body(&object)
        object.refuseUnknownKeys()
        problems += object.problems
        return result
    }

    /// Leaves a key to another reader.
    mutating func leave(_ name: String) {
        known.insert(name)
    }

    /// Adds a problem for every key nobody asked for.
    mutating func refuseUnknownKeys() {
        guard let container else { return }
        for name in container.allKeys.map(\.stringValue).sorted() where !known.contains(name) {
            problems.append("\(path)\(name) is not known")
        }
    }

    /// Adds a problem of the caller's.
    mutating func report(_ problem: String) {
        problems.append(path + problem)
    }

    private static func title(of type: Any.Type) -> String {
        switch type {
        case is Int.Type: "an integer"
        case is Double.Type, is Float.Type: "a number"
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is [Float].Type: "a list of numbers"
        case is [Int].Type: "a list of integers"
        default: "of type \(type)"
        }
    }
}
