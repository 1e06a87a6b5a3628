/// What reading a foreign description brought to light.
final class ForeignFindings {
    /// Reasons to refuse.
    var problems: [String] = []
    /// Keys that are known not to change an embedding.
    var ignoredKeys: [String] = []
    /// Decisions a user should hear of.
    var notes: [String] = []
}

/// An object of a foreign description read key by key; every key must be asked for in one way or another.
struct ForeignObject {
    let fields: [String: JSONValue]
    private let path: String
    private let findings: ForeignFindings
    private var known: Set<String> = []

    init(_ fields: [String: JSONValue], path: String, findings: ForeignFindings) {
        self.fields = fields
        self.path = path
        self.findings = findings
    }

    /// The value of a key, nil when it is absent or null.
    mutating func value(_ name: String) -> JSONValue? {
        known.insert(name)
        guard let value = fields[name], value != .null else { return nil }
        return value
    }

    /// An integer; `fallback` when absent, −1 and a problem when there is none or it is something else.
    mutating func integer(_ name: String, default fallback: Int? = nil) -> Int {
        guard let value = value(name) else {
            if fallback == nil { report(name, "is missing") }
            return fallback ?? -1
        }
        guard let integer = value.integer else {
            report(name, "is \(value), must be an integer")
            return -1
        }
        return integer
    }

    /// A number, like `integer(_:default:)`.
    mutating func number(_ name: String, default fallback: Double) -> Double {
        guard let value = value(name) else { return fallback }
        guard case .number(let number) = value else {
            report(name, "is \(value), must be a number")
            return fallback
        }
        return number
    }

    /// A number, nil when absent or, with a problem, something else.
    mutating func optionalNumber(_ name: String) -> Double? {
        guard let value = value(name) else { return nil }
        guard case .number(let number) = value else {
            report(name, "is \(value), must be a number")
            return nil
        }
        return number
    }

    /// A text, like `integer(_:default:)`.
    mutating func string(_ name: String, default fallback: String) -> String {
        guard let value = value(name) else { return fallback }
        guard case .string(let string) = value else {
            report(name, "is \(value), must be a text")
            return fallback
        }
        return string
    }

    /// True, false, or nil when absent.
    mutating func boolean(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .boolean(let boolean) = value else {
            report(name, "is \(value), must be true or false")
            return nil
        }
        return boolean
    }

    /// Three numbers.
    mutating func numbers(_ name: String, default fallback: [Float]?) -> [Float] {
        guard let value = value(name) else {
            if fallback == nil { report(name, "is missing") }
            return fallback ?? []
        }
        guard case .array(let values) = value else {
            report(name, "is \(value), must be a list of numbers")
            return []
        }
        return values.compactMap { if case .number(let number) = $0 { Float(number) } else { nil } }
    }

    /// A side of a square: a number, two equal numbers, or an object of equal `height` and `width`.
    mutating func side(_ name: String, default fallback: Int) -> Int {
        guard let value = value(name) else { return fallback }
        let sides: [Int?]
        switch value {
        case .number: sides = [value.integer]
        case .array(let values): sides = values.map(\.integer)
        case .object(let fields): sides = [fields["height"]?.integer, fields["width"]?.integer]
        default: sides = []
        }
        guard let first = sides.first, let side = first, sides.allSatisfy({ $0 == side }) else {
            report(name, "is \(value), must be a square's side")
            return fallback
        }
        return side
    }

    /// Refuses a key whose value is not the one this build computes with; absent and null are that value.
    mutating func require(_ name: String, _ expected: JSONValue...) {
        guard let value = value(name), !expected.contains(value) else { return }
        let rule = expected.isEmpty ? "null" : expected.map(\.description).joined(separator: " or ")
        report(name, "is \(value), this build computes with \(rule) only")
    }

    /// Lists keys that do not change an embedding.
    mutating func ignore(_ names: String...) {
        ignore(Set(names))
    }

    /// Lists keys that do not change an embedding.
    mutating func ignore(_ names: Set<String>) {
        known.formUnion(names)
        findings.ignoredKeys += names.intersection(fields.keys).sorted().map { path + $0 }
    }

    /// The object of a key, empty when it is absent and not required.
    mutating func object(_ name: String, isRequired: Bool) -> ForeignObject {
        var nested: [String: JSONValue] = [:]
        if let value = value(name) {
            if case .object(let fields) = value { nested = fields } else { report(name, "is not an object") }
        } else if isRequired {
            report(name, "is missing")
        }
        return ForeignObject(nested, path: "\(path)\(name).", findings: findings)
    }

    /// Adds a problem about a key.
    func report(_ name: String, _ problem: String) {
        findings.problems.append("\(path)\(name) \(problem)")
    }

    /// Refuses every key nobody asked for, unless it is null.
    func refuseUnknownKeys() {
        for name in fields.keys.sorted() where !known.contains(name) && fields[name] != .null {
            report(name, "is not known and may change the embeddings")
        }
    }
}
