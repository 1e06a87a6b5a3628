/// A pattern of file names to leave out, as shells and `.gitignore` write them.
///
/// `*` stands for any bytes but `/`, `**` for any bytes, `?` for one character but `/`, `[a-z]` and `[!a-z]` for one
/// ASCII character of a set, and `\` takes the next character literally. A pattern without a slash is matched against
/// the last component of a path, one with a slash against the whole path below the source; a slash at the end, which
/// means folders to some programs, is dropped. Letters are told apart by case. Matching takes time proportional to
/// pattern times path, whatever either holds.
public struct GlobPattern: Hashable, Sendable {
    private enum Element: Hashable, Sendable {
        case byte(UInt8)
        /// One whole UTF-8 character that is not a slash.
        case anyCharacter
        case set([ClosedRange<UInt8>], isInverted: Bool)
        /// `*`
        case run
        /// `**`
        case deepRun
    }

    private let elements: [Element]
    private let matchesWholePath: Bool
    /// The pattern as it was written.
    public let text: String

    /// Reads a pattern. Throws `patternInvalid` if it is empty or a set is not closed.
    public init(_ text: String) throws(ShardError) {
        self.text = text
        var bytes = Array(text.utf8)[...]
        if bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        guard !bytes.isEmpty else {
            throw ShardError(.patternInvalid, "An empty pattern excludes nothing; leave it out.")
        }
        matchesWholePath = bytes.contains(UInt8(ascii: "/"))
        if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
        var elements: [Element] = []
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                if bytes.first == byte {
                    bytes.removeFirst()
                    elements.append(.deepRun)
                } else {
                    elements.append(.run)
                }
            case UInt8(ascii: "?"): elements.append(.anyCharacter)
            case UInt8(ascii: "["): elements.append(try GlobPattern.set(&bytes, text: text))
            case UInt8(ascii: "\\"): elements.append(.byte(bytes.popFirst() ?? byte))
            default: elements.append(.byte(byte))
            }
        }
        self.elements = elements
    }

    /// Whether the file or folder at `path`, relative to the source, is meant.
    public func matches(_ path: some Collection<UInt8>) -> Bool {
        let bytes = Array(path)
        if matchesWholePath { return matches(bytes[...]) }
        return matches(bytes[((bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...])
    }

    /// Keeps the set of pattern positions that the bytes so far may have reached.
    private func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        var reached = [Bool](repeating: false, count: elements.count + 1)
        reached[0] = true
        spread(&reached)
        for (index, byte) in zip(bytes.indices, bytes) {
            let isContinued = index + 1 < bytes.endIndex && bytes[index + 1] & 0xC0 == 0x80
            var next = [Bool](repeating: false, count: elements.count + 1)
            for (position, element) in elements.enumerated() where reached[position] {
                switch element {
                case .byte(let wanted):
                    if wanted == byte { next[position + 1] = true }
                case .anyCharacter:
                    if byte != UInt8(ascii: "/") { next[isContinued ? position : position + 1] = true }
                case .set(let ranges, let isInverted):
                    if byte != UInt8(ascii: "/"), ranges.contains(where: { $0.contains(byte) }) != isInverted {
                        next[position + 1] = true
                    }
                case .run:
                    if byte != UInt8(ascii: "/") { next[position] = true }
                case .deepRun:
                    next[position] = true
                }
            }
            reached = next
            spread(&reached)
        }
        return reached[elements.count]
    }

    /// Runs may stand for nothing; `**/` also for no folder at all.
    private func spread(_ reached: inout [Bool]) {
        for (position, element) in elements.enumerated() where reached[position] {
            guard element == .run || element == .deepRun else { continue }
            reached[position + 1] = true
            let isStart = position == 0 || elements[position - 1] == .byte(UInt8(ascii: "/"))
            if element == .deepRun, isStart, position + 1 < elements.count,
                elements[position + 1] == .byte(UInt8(ascii: "/"))
            {
                reached[position + 2] = true
            }
        }
    }

    private static func set(_ bytes: inout ArraySlice<UInt8>, text: String) throws(ShardError) -> Element {
        var ranges: [ClosedRange<UInt8>] = []
        let isInverted = bytes.first == UInt8(ascii: "!") || bytes.first == UInt8(ascii: "^")
        if isInverted { bytes.removeFirst() }
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "]"), !ranges.isEmpty { return .set(ranges, isInverted: isInverted) }
            if bytes.first == UInt8(ascii: "-"), let last = bytes.dropFirst().first, last != UInt8(ascii: "]") {
                bytes.removeFirst(2)
                guard byte <= last else { break }
                ranges.append(byte...last)
            } else {
                ranges.append(byte...byte)
            }
        }
        throw ShardError(
            .patternInvalid, "The pattern '\(text)' has a '[' that is not closed; write '\\[' for the character itself."
        )
    }
}
