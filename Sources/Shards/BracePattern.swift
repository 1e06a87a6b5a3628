/// Expands the shard patterns of WebDataset, so that a shell that does not know them, or quotes, do no harm.
///
/// - `{00000..00031}` counts; both ends of the same width keep leading zeros; it may count down.
/// - `{train,dev}` lists; items may be patterns themselves.
/// - `a.tar,b.tar` outside braces separates sources, unless a file of exactly that name exists.
///
/// `\` before one of `{ } , \` takes it literally.
public enum BracePattern {
    /// Most names one pattern may expand to.
    public static let maximumCount = 1_000_000
    /// Deepest nesting of braces.
    static let maximumDepth = 16

    /// All names that `pattern` stands for, in order. Text without braces and commas stands for itself.
    ///
    /// Throws `patternInvalid` for an unclosed brace, an empty list, or more than `maximumCount` names.
    public static func expand(_ pattern: String) throws(ShardError) -> [String] {
        var names: [String] = []
        for part in try split(Array(pattern), pattern: pattern) {
            names += try expand(part[...], depth: 0, pattern: pattern)
            guard names.count <= maximumCount else { throw tooMany(pattern) }
        }
        return names
    }

    /// Expands each of `sources`; one that names an existing file or folder as it stands is left as it is.
    public static func expandSources(_ sources: [String]) throws(ShardError) -> [String] {
        var names: [String] = []
        for source in sources {
            if FileKind.ofItem(atPath: source) != nil {
                names.append(source)
            } else {
                names += try expand(source)
            }
        }
        return names
    }

    /// Splits at commas outside braces; escapes stay.
    private static func split(
        _ text: [Character], pattern: String
    ) throws(ShardError) -> [[Character]] {
        var parts: [[Character]] = [[]]
        var depth = 0
        var index = 0
        while index < text.count {
            let character = text[index]
            switch character {
            case "\\" where index + 1 < text.count:
                parts[parts.count - 1].append(character)
                index += 1
                parts[parts.count - 1].append(text[index])
                index += 1
                continue
            case "{": depth += 1
            case "}":
                depth -= 1
                guard depth >= 0 else { throw invalid(pattern, "has a '}' without a '{'") }
            default: break
            }
            if character == ",", depth == 0 {
                parts.append([])
            } else {
                parts[parts.count - 1].append(character)
            }
            index += 1
        }
        guard depth == 0 else { throw invalid(pattern, "has a '{' without a '}'") }
        guard parts.allSatisfy({ !$0.isEmpty }) else { throw invalid(pattern, "has an empty item") }
        return parts
    }

    private static func expand(
        _ text: ArraySlice<Character>, depth: Int, pattern: String
    ) throws(ShardError) -> [String] {
        guard depth <= maximumDepth else { throw invalid(pattern, "has braces nested deeper than \(maximumDepth)") }
        var results = [""]
        var literal = ""
        var index = text.startIndex
        while index < text.endIndex {
            let character = text[index]
            if character == "\\", index + 1 < text.endIndex, "{},\\".contains(text[index + 1]) {
                literal.append(text[index + 1])
                index += 2
            } else if character == "{" {
                let end = closing(text, from: index)
                let items = try alternatives(text[(index + 1)..<end], depth: depth, pattern: pattern)
                let (count, overflow) = results.count.multipliedReportingOverflow(by: items.count)
                guard !overflow, count <= maximumCount else { throw tooMany(pattern) }
                results = results.flatMap { head in items.map { head + literal + $0 } }
                literal = ""
                index = end + 1
            } else {
                literal.append(character)
                index += 1
            }
        }
        return literal.isEmpty ? results : results.map { $0 + literal }
    }

    /// Index of the brace that closes the one at `start`; `split` has checked that there is one.
    private static func closing(_ text: ArraySlice<Character>, from start: Int) -> Int {
        var depth = 0
        var index = start
        while index < text.endIndex {
            switch text[index] {
            case "\\": index += 1
            case "{": depth += 1
            case "}":
                depth -= 1
                if depth == 0 { return index }
            default: break
            }
            index += 1
        }
        preconditionFailure("BracePattern: unbalanced braces passed the check")
    }

    private static func alternatives(
        _ text: ArraySlice<Character>, depth: Int, pattern: String
    ) throws(ShardError) -> [String] {
        if let range = try numbers(String(text), pattern: pattern) { return range }
        let parts = try split(Array(text), pattern: pattern)
        guard parts.count > 1 else {
            throw invalid(pattern, "has braces with neither a range such as {000..031} nor a list such as {a,b}")
        }
        var names: [String] = []
        for part in parts { names += try expand(part[...], depth: depth + 1, pattern: pattern) }
        return names
    }

    /// `FIRST..LAST` in decimal; `nil` if the text is something else.
    private static func numbers(_ text: String, pattern: String) throws(ShardError) -> [String]? {
        guard let dots = text.firstRange(of: "..") else { return nil }
        let firstText = text[..<dots.lowerBound]
        let lastText = text[dots.upperBound...]
        let isNumber = { (part: Substring) in !part.isEmpty && part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
        guard isNumber(firstText), isNumber(lastText) else { return nil }
        guard let first = Int(firstText), let last = Int(lastText) else {
            throw invalid(pattern, "counts to a number that is too large")
        }
        // The smaller distance of two non-negative numbers cannot overflow.
        guard abs(last - first) < maximumCount else { throw tooMany(pattern) }
        let isPadded =
            firstText.utf8.count == lastText.utf8.count || firstText.hasPrefix("0") || lastText.hasPrefix("0")
        let width = isPadded ? max(firstText.utf8.count, lastText.utf8.count) : 0
        return stride(from: first, through: last, by: first <= last ? 1 : -1).map { number in
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
    }

    private static func invalid(_ pattern: String, _ reason: String) -> ShardError {
        ShardError(
            .patternInvalid,
            "The pattern '\(pattern)' \(reason). Write '\\{', '\\}' and '\\,' for characters of the name itself.")
    }

    private static func tooMany(_ pattern: String) -> ShardError {
        invalid(pattern, "stands for more than \(maximumCount) names")
    }
}
