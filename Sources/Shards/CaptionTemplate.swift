/// A caption made of columns: `{brand} {title}, {colour}`. `{{` and `}}` stand for braces.
public struct CaptionTemplate: Hashable, Sendable {
    private enum Part: Hashable, Sendable {
        case text(String)
        case column(String)
    }

    private let parts: [Part]
    /// The names of the columns in it.
    public let columns: [String]

    /// Reads a template. Throws `manifestInvalid` if a brace is not closed or nothing is named.
    public init(_ template: String) throws(ShardError) {
        var parts: [Part] = []
        var text = ""
        var rest = template[...]
        while let character = rest.popFirst() {
            if (character == "{" || character == "}"), rest.first == character {
                text.append(character)
                rest = rest.dropFirst()
            } else if character == "{" {
                guard let end = rest.firstIndex(of: "}"), end > rest.startIndex else {
                    throw CaptionTemplate.invalid(template, "has a '{' without a column's name and '}'")
                }
                if !text.isEmpty { parts.append(.text(text)) }
                text = ""
                parts.append(.column(String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            } else if character == "}" {
                throw CaptionTemplate.invalid(template, "has a '}' without a '{'")
            } else {
                text.append(character)
            }
        }
        if !text.isEmpty { parts.append(.text(text)) }
        self.parts = parts
        columns = parts.compactMap { if case .column(let name) = $0 { name } else { nil } }
        guard !columns.isEmpty else { throw CaptionTemplate.invalid(template, "names no column") }
    }

    /// The caption of a row: white space joined to one space, and commas and spaces that stand around nothing left out.
    /// Empty if every column is.
    func caption(_ value: (String) -> String?) -> String {
        var result = ""
        var hasValue = false
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .column(let name):
                guard let value = value(name), !value.isEmpty else { continue }
                hasValue = true
                result += value
            }
        }
        guard hasValue else { return "" }
        var words = result.split(whereSeparator: \.isWhitespace).map(String.init)
        // What is left of ", {colour}" without a colour.
        while let first = words.first, CaptionTemplate.isLoose(first) { words.removeFirst() }
        while let last = words.last, CaptionTemplate.isLoose(last) { words.removeLast() }
        var text = words.filter { !CaptionTemplate.isLoose($0) || $0 == "-" }.joined(separator: " ")
        while let last = text.last, last == "," || last == ";" { text.removeLast() }
        return text
    }

    private static func isLoose(_ word: String) -> Bool { word.allSatisfy { ",;:/|-".contains($0) } }

    private static func invalid(_ template: String, _ reason: String) -> ShardError {
        ShardError(
            .manifestInvalid, "The caption template '\(template)' \(reason). Write '{{' and '}}' for braces themselves."
        )
    }
}
