import Foundation
import Yams

/// A YAML file of settings, read strictly: unknown keys, missing values, wrong types and values out of range are all
/// collected, each with its line and path, and reported together by `finish()`.
///
///     let document = try SettingsDocument(path: "recipe.yaml")
///     let seed = document.root.integer("seed", default: 1, in: 0...Int.max)
///     try document.finish()
public final class SettingsDocument {
    /// The outermost mapping.
    public private(set) var root: SettingsSection
    /// The file's name, for messages.
    public let name: String
    private let problems: Problems

    /// Collects what is wrong.
    final class Problems {
        var list: [String] = []
        var openSections: [SettingsSection] = []
    }

    /// Reads a file.
    ///
    /// - Parameter variables: values for `${name}` in strings.
    /// - Throws: `WorkflowError`: `noInput` when the file cannot be read, `badData` when it is not YAML or not a mapping.
    public convenience init(path: String, variables: [String: String] = [:]) throws(WorkflowError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw WorkflowError(.noInput, "the file cannot be read", place: path)
        }
        try self.init(text: String(decoding: data, as: UTF8.self), name: path, variables: variables)
    }

    /// Reads YAML text; `name` is used in messages.
    public init(text: String, name: String, variables: [String: String] = [:]) throws(WorkflowError) {
        self.name = name
        problems = Problems()
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw WorkflowError(.badData, "the file is not valid YAML", place: name, cause: error)
        }
        guard case .mapping(let mapping) = node else {
            throw WorkflowError(.badData, "the file must hold a mapping of settings at its top level", place: name)
        }
        root = SettingsSection(mapping: mapping, path: "", variables: variables, problems: problems)
    }

    /// Gives `${name}` in strings read from here on these values.
    public func setVariables(_ variables: [String: String]) {
        root.variables.values = variables
    }

    /// Throws one error that lists every problem found, unknown keys included.
    public func finish() throws(WorkflowError) {
        let unknown = problems.openSections.flatMap { $0.unknownKeyProblems }
        let all = problems.list + unknown
        guard !all.isEmpty else { return }
        let text = all.count == 1 ? all[0] : "\(all.count) problems:\n  " + all.joined(separator: "\n  ")
        throw WorkflowError(.badData, text, place: name)
    }
}

/// One mapping of a `SettingsDocument`. Every getter marks its key as known; a problem is noted and a stand-in returned,
/// so that reading goes on and all problems are found in one pass.
public final class SettingsSection {
    final class Variables {
        var values: [String: String]
        init(_ values: [String: String]) { self.values = values }
    }

    /// The path of the section, dotted; empty for the outermost.
    public let path: String
    /// The line it starts at, if known.
    public let line: Int?
    let variables: Variables
    private let values: [(key: String, node: Node)]
    private let problems: SettingsDocument.Problems
    private var known: Set<String> = []

    init(mapping: Node.Mapping, path: String, variables: [String: String], problems: SettingsDocument.Problems) {
        self.path = path
        line = mapping.mark?.line
        self.variables = Variables(variables)
        self.problems = problems
        values = mapping.map { ($0.key.string ?? "", $0.value) }
        problems.openSections.append(self)
        note(duplicatesIn: values.map(\.key))
    }

    private init(mapping: Node.Mapping, path: String, variables: Variables, problems: SettingsDocument.Problems) {
        self.path = path
        line = mapping.mark?.line
        self.variables = variables
        self.problems = problems
        values = mapping.map { ($0.key.string ?? "", $0.value) }
        problems.openSections.append(self)
        note(duplicatesIn: values.map(\.key))
    }

    private func note(duplicatesIn keys: [String]) {
        for (key, count) in Dictionary(keys.map { ($0, 1) }, uniquingKeysWith: +) where count > 1 {
            problems.list.append("\(label(key)): is set \(count) times")
        }
    }

    /// All keys, in the order of the file.
    public var keys: [String] { values.map(\.key) }

    var unknownKeyProblems: [String] {
        values.filter { !known.contains($0.key) }.map { entry in
            let choices = known.sorted().joined(separator: ", ")
            return "\(label(entry.key, entry.node)): unknown setting; known here: \(choices)"
        }
    }

    /// Accepts a key whose value comes from elsewhere.
    func markKnown(_ key: String) {
        known.insert(key)
    }

    /// Notes a problem with the value of a key.
    public func report(_ key: String, _ message: String) {
        problems.list.append("\(label(key, node(key))): \(message)")
    }

    /// Whether the key is there and not null.
    public func has(_ key: String) -> Bool {
        node(key).map { $0.null == nil } ?? false
    }

    /// A whole number.
    public func integer(_ key: String, default standard: Int? = nil, in range: ClosedRange<Int>) -> Int {
        value(key, default: standard, standIn: range.lowerBound, kind: "a whole number") {
            $0.int
        } check: { number in
            range.contains(number) ? nil : "is \(number), must be from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// A number.
    public func number(_ key: String, default standard: Double? = nil, in range: ClosedRange<Double>) -> Double {
        value(key, default: standard, standIn: range.lowerBound, kind: "a number") { node in
            node.float ?? node.int.map(Double.init)
        } check: { number in
            range.contains(number) ? nil : "is \(number), must be from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// A list of numbers, `count` of them.
    public func numbers(
        _ key: String, default standard: [Double]? = nil, count: Int, in range: ClosedRange<Double>
    ) -> [Double] {
        value(
            key, default: standard, standIn: Array(repeating: range.lowerBound, count: count), kind: "\(count) numbers"
        ) { node in
            let numbers = node.sequence?.compactMap { $0.float ?? $0.int.map(Double.init) }
            return numbers?.count == count && node.sequence?.count == count ? numbers : nil
        } check: { numbers in
            numbers.allSatisfy(range.contains)
                ? nil : "is \(numbers), must be from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// `true` or `false`.
    public func flag(_ key: String, default standard: Bool? = nil) -> Bool {
        value(key, default: standard, standIn: false, kind: "true or false") {
            $0.bool
        } check: { _ in
            nil
        }
    }

    /// A text; `${name}` is replaced by the variable's value.
    public func text(_ key: String, default standard: String? = nil) -> String {
        value(key, default: standard, standIn: "", kind: "a text") {
            $0.scalar?.string
        } check: { _ in
            nil
        }
        .map { expand($0, key) }
    }

    /// A text that may be absent.
    public func optionalText(_ key: String) -> String? {
        known.insert(key)
        return has(key) ? text(key) : nil
    }

    /// One of the names of an enumeration.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default standard: Choice? = nil
    ) -> Choice where Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue)
        guard let first = Choice.allCases.first else { preconditionFailure("\(Choice.self) has no cases") }
        let name = value(key, default: standard?.rawValue, standIn: first.rawValue, kind: "one of \(names)") {
            $0.scalar?.string
        } check: { name in
            names.contains(name) ? nil : "is '\(name)', must be one of \(names.joined(separator: ", "))"
        }
        return Choice(rawValue: name) ?? first
    }

    /// A text or a list of texts, not empty.
    public func texts(_ key: String) -> [String] {
        value(key, default: nil, standIn: [], kind: "a text or a list of texts") { node -> [String]? in
            if let sequence = node.sequence {
                let texts = sequence.compactMap { $0.scalar?.string }
                return texts.count == sequence.count && !texts.isEmpty ? texts : nil
            }
            return node.scalar.map { [$0.string] }
        } check: { _ in
            nil
        }
        .map { expand($0, key) }
    }

    /// A mapping inside this one; an absent one reads as empty, so that its defaults apply.
    public func section(_ key: String) -> SettingsSection {
        known.insert(key)
        let inner = path.isEmpty ? key : "\(path).\(key)"
        guard has(key), let node = node(key) else {
            return SettingsSection(mapping: Node.Mapping([]), path: inner, variables: variables, problems: problems)
        }
        guard case .mapping(let mapping) = node else {
            problems.list.append("\(label(key, node)): must be a mapping of settings")
            return SettingsSection(mapping: Node.Mapping([]), path: inner, variables: variables, problems: problems)
        }
        return SettingsSection(mapping: mapping, path: inner, variables: variables, problems: problems)
    }

    /// A mapping that a strict `Decodable` reads by itself; what it complains of is reported under its key. An absent
    /// mapping is decoded as an empty one.
    func decoded<Value: Decodable>(_ key: String, as type: Value.Type) -> Value? {
        known.insert(key)
        do {
            return try YAMLDecoder().decode(type, from: node(key) ?? Node.mapping(Node.Mapping([])))
        } catch let error as DecodingError {
            if case .dataCorrupted(let context) = error, let cause = context.underlyingError {
                report(key, "\(cause)")
            } else {
                report(key, "\(error)")
            }
        } catch {
            report(key, "\(error)")
        }
        return nil
    }

    /// A list of mappings.
    public func sections(_ key: String) -> [SettingsSection] {
        known.insert(key)
        guard let sequence = node(key)?.sequence else {
            problems.list.append("\(label(key, node(key))): must be a list")
            return []
        }
        return sequence.enumerated().compactMap { index, node in
            let inner = "\(path.isEmpty ? key : "\(path).\(key)")[\(index)]"
            guard case .mapping(let mapping) = node else {
                problems.list.append("\(inner): must be a mapping of settings")
                return nil
            }
            return SettingsSection(mapping: mapping, path: inner, variables: variables, problems: problems)
        }
    }

    private func node(_ key: String) -> Node? { values.first { $0.key == key }?.node }

    private func label(_ key: String, _ node: Node? = nil) -> String {
        let name = path.isEmpty ? key : "\(path).\(key)"
        return (node?.mark?.line).map { "line \($0): \(name)" } ?? name
    }

    private func expand(_ text: String, _ key: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let start = rest.range(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                report(key, "has '${' without '}'")
                return text
            }
            let name = String(rest[..<end])
            if let value = variables.values[name] {
                result += value
            } else {
                report(key, "uses the variable '\(name)', which has no value; give it with --set \(name)=…")
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func value<Value>(
        _ key: String, default standard: Value?, standIn: Value, kind: String, read: (Node) -> Value?,
        check: (Value) -> String?
    ) -> Value {
        known.insert(key)
        guard has(key), let node = node(key) else {
            if let standard { return standard }
            problems.list.append("\(label(key)): is missing; it must be \(kind)")
            return standIn
        }
        guard let value = read(node) else {
            problems.list.append("\(label(key, node)): must be \(kind)")
            return standIn
        }
        if let problem = check(value) {
            problems.list.append("\(label(key, node)): \(problem)")
            return standIn
        }
        return value
    }
}

extension String {
    fileprivate func map(_ transform: (String) -> String) -> String { transform(self) }
}
