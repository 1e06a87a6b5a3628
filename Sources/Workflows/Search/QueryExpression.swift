/// What is searched for: a weighted sum of texts and images.
///
/// Written as people write sums:
///
///     orange cat in the sun
///     "cat" + 0.5 * @sunset.jpg - "night"
///     @photo.jpg
///
/// A term is a text in double quotes (`\"` and `\\` stand for themselves) or an image path after `@` (quoted when it
/// holds spaces), with an optional weight and `*` (or `×`) before it; terms are joined by `+` and `-` (or `−`). Input
/// in which the place of the first term holds neither a quote nor an `@` is one plain text, taken whole, so ordinary
/// queries need no quoting.
public struct QueryExpression: Sendable, Equatable {
    /// One summand.
    public struct Term: Sendable, Equatable {
        /// What the summand is made from.
        public enum Content: Sendable, Equatable {
            /// Text for the text tower.
            case text(String)
            /// Path of an image for the image tower.
            case image(path: String)
        }

        /// Factor of the summand's unit vector; finite, not 0.
        public let weight: Float
        /// Text or image.
        public let content: Content

        /// A summand.
        public init(weight: Float, content: Content) {
            self.weight = weight
            self.content = content
        }
    }

    /// The summands, at least one.
    public let terms: [Term]

    /// A sum of terms. Traps when empty.
    public init(terms: [Term]) {
        precondition(!terms.isEmpty, "QueryExpression has no terms")
        self.terms = terms
    }

    /// Reads the syntax above.
    ///
    /// - Throws: `WorkflowError` with code `usage`, naming the column and what was expected there.
    public init(parsing input: String) throws(WorkflowError) {
        var parser = Parser(input)
        terms = try parser.parse()
    }
}

extension QueryExpression {
    fileprivate struct Parser {
        private let input: String
        private let characters: [Character]
        private var position = 0

        init(_ input: String) {
            self.input = input
            characters = Array(input)
        }

        mutating func parse() throws(WorkflowError) -> [Term] {
            let plain = trimmed(input)
            if plain.isEmpty {
                throw WorkflowError(
                    .usage,
                    "the query is empty; give a text such as \"orange cat in the sun\" or an image as @photo.jpg")
            }
            guard startsWithTerm() else { return [Term(weight: 1, content: .text(plain))] }
            var terms = [try term(sign: sign() ?? 1)]
            while true {
                skipSpace()
                if position == characters.count { return terms }
                guard let next = sign() else { throw unexpected("'+' or '-' between two terms") }
                terms.append(try term(sign: next))
            }
        }

        /// Whether the input, read as an expression, has a term where one must be.
        private func startsWithTerm() -> Bool {
            var copy = self
            _ = copy.sign()
            _ = copy.weight()
            copy.skipSpace()
            return copy.current == "\"" || copy.current == "@"
        }

        private mutating func term(sign: Float) throws(WorkflowError) -> Term {
            let weight = sign * (self.weight() ?? 1)
            guard weight.isFinite, weight != 0 else { throw unexpected("a weight other than 0") }
            skipSpace()
            switch current {
            case "\"":
                let text = trimmed(try quoted())
                if text.isEmpty { throw unexpected("a text between the quotes") }
                return Term(weight: weight, content: .text(text))
            case "@":
                position += 1
                let path = current == "\"" ? try quoted() : word()
                if path.isEmpty { throw unexpected("an image path after '@'") }
                return Term(weight: weight, content: .image(path: path))
            default:
                throw unexpected("a text in double quotes or an image path after '@'")
            }
        }

        private var current: Character? { position < characters.count ? characters[position] : nil }

        private mutating func skipSpace() {
            while let character = current, character.isWhitespace { position += 1 }
        }

        private mutating func sign() -> Float? {
            skipSpace()
            switch current {
            case "+":
                position += 1
                return 1
            case "-", "\u{2212}":
                position += 1
                return -1
            default: return nil
            }
        }

        /// A number followed by a multiplication sign; otherwise nothing is consumed.
        private mutating func weight() -> Float? {
            let start = position
            skipSpace()
            var digits = ""
            while let character = current, character.isASCII, character.isNumber || character == "." {
                digits.append(character)
                position += 1
            }
            skipSpace()
            if let value = Float(digits), current == "*" || current == "\u{D7}" {
                position += 1
                return value
            }
            position = start
            return nil
        }

        private mutating func quoted() throws(WorkflowError) -> String {
            let opening = position
            position += 1
            var text = ""
            while let character = current {
                position += 1
                if character == "\"" { return text }
                if character == "\\", let next = current, next == "\"" || next == "\\" {
                    text.append(next)
                    position += 1
                } else {
                    text.append(character)
                }
            }
            throw WorkflowError(
                .usage, "the query '\(input)' has no closing quote for the one at column \(opening + 1)")
        }

        private mutating func word() -> String {
            var text = ""
            while let character = current, !character.isWhitespace {
                text.append(character)
                position += 1
            }
            return text
        }

        private func unexpected(_ expected: String) -> WorkflowError {
            WorkflowError(.usage, "the query '\(input)' needs \(expected) at column \(position + 1)")
        }

        private func trimmed(_ text: String) -> String {
            let start = text.drop(while: \.isWhitespace)
            return String(start.reversed().drop(while: \.isWhitespace).reversed())
        }
    }
}
