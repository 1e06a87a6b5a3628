extension BytePairFile {
    /// Reads `vocab.json`: an object of token strings and ids.
    init(vocabularyJSON bytes: [UInt8]) throws(TokenFileProblem) {
        do {
            var scanner = try JSONScanner(bytes)
            self.init(minimumCapacity: bytes.count / 24)
            try appendVocabulary(&scanner)
            guard scanner.isAtEnd() else { throw scanner.problem("there is something behind the object") }
            try checkIDs()
        } catch {
            throw TokenFileProblem(error)
        }
    }

    /// Reads the object of token strings and ids that is next.
    mutating func appendVocabulary(_ scanner: inout JSONScanner) throws {
        try scanner.expect(UInt8(ascii: "{"))
        var isFirst = true
        var scratch: [UInt8] = []
        while try scanner.next(isFirst: &isFirst, until: UInt8(ascii: "}")) {
            let name = try scanner.rawString()
            try scanner.expect(0x3A)
            let id = try scanner.id()
            if name.hasEscapes {
                scratch.removeAll(keepingCapacity: true)
                try scanner.unescape(name, into: &scratch)
                try append(scratch.span, 0..<scratch.count, id: id)
            } else {
                try append(scanner.bytes.span, name.range, id: id)
            }
        }
    }

    /// Reads the array of merges that is next: strings `"a b"`, or arrays of two strings.
    mutating func appendMerges(_ scanner: inout JSONScanner) throws {
        try scanner.expect(UInt8(ascii: "["))
        reserveMerges(2 * pieces.count)
        var isFirst = true
        var scratch: [UInt8] = []
        while try scanner.next(isFirst: &isFirst, until: UInt8(ascii: "]")) {
            scratch.removeAll(keepingCapacity: true)
            if try scanner.peek() == 0x22 {
                let pair = try scanner.rawString()
                if pair.hasEscapes {
                    try scanner.unescape(pair, into: &scratch)
                    try appendMergeLine(scratch.span, 0..<scratch.count)
                } else {
                    try appendMergeLine(scanner.bytes.span, pair.range)
                }
                continue
            }
            try scanner.expect(UInt8(ascii: "["))
            let left = try scanner.rawString()
            try scanner.expect(0x2C)
            let right = try scanner.rawString()
            try scanner.expect(UInt8(ascii: "]"))
            if left.hasEscapes || right.hasEscapes {
                try scanner.unescape(left, into: &scratch)
                let middle = scratch.count
                try scanner.unescape(right, into: &scratch)
                try appendMerge(scratch.span, 0..<middle, middle..<scratch.count)
            } else {
                try appendMerge(scanner.bytes.span, left.range, right.range)
            }
        }
    }

    /// Adds the merge of a line `a b`.
    mutating func appendMergeLine(_ text: Span<UInt8>, _ range: Range<Int>) throws(PieceVocabulary.Refusal) {
        guard let (left, right) = Self.symbols(text, range) else {
            throw PieceVocabulary.Refusal(
                reason: "merge \(merges.merges.count + 1) does not hold two symbols with a space between")
        }
        try appendMerge(text, left, right)
    }

    /// The two symbols of a line, or nil.
    static func symbols(_ text: Span<UInt8>, _ range: Range<Int>) -> (left: Range<Int>, right: Range<Int>)? {
        guard let space = range.first(where: { text[$0] == 0x20 }), space > range.lowerBound,
            space + 1 < range.upperBound, !((space + 1)..<range.upperBound).contains(where: { text[$0] == 0x20 })
        else { return nil }
        return (range.lowerBound..<space, (space + 1)..<range.upperBound)
    }

    /// Adds the merges of `merges.txt`, whose first line may be a comment.
    mutating func appendMerges(text bytes: [UInt8]) throws(TokenFileProblem) {
        try MergeLines.check(bytes)
        reserveMerges(pieces.count)
        let span = bytes.span
        for (number, line) in MergeLines(bytes).enumerated() {
            if number == 0, bytes[line].starts(with: "#version".utf8) { continue }
            do {
                try appendMergeLine(span, line)
            } catch {
                throw TokenFileProblem(reason: "line \(number + 1): \(error.reason)")
            }
        }
    }

    /// Reads `bpe_simple_vocab_16e6.txt`, whose merges define every id: the 256 symbols of single bytes, the same at the end
    /// of a word, what each merge makes, start and end.
    init(orderedMergesText bytes: [UInt8], lineCount: Int) throws(TokenFileProblem) {
        try MergeLines.check(bytes)
        let alphabet = ByteAlphabet()
        let lines = Array(MergeLines(bytes).dropFirst().prefix(lineCount))
        self.init(minimumCapacity: lines.count + 514)
        var number = 1
        do throws(PieceVocabulary.Refusal) {
            func appendNamed(_ name: String) throws(PieceVocabulary.Refusal) {
                let name = Array(name.utf8)
                try append(name.span, 0..<name.count)
            }
            for suffix in ["", ByteAlphabet.endOfWordSuffix] {
                for byte in alphabet.byteOfRank { try appendNamed(alphabet.text([byte]) + suffix) }
            }
            reserveMerges(lines.count)
            var scratch: [UInt8] = []
            let span = bytes.span
            for line in lines {
                number += 1
                guard let (left, right) = Self.symbols(span, line) else {
                    throw PieceVocabulary.Refusal(reason: "there are not two symbols with a space between")
                }
                scratch.removeAll(keepingCapacity: true)
                scratch += bytes[left]
                scratch += bytes[right]
                try append(scratch.span, 0..<scratch.count)
                try appendMerge(scratch.span, 0..<left.count, left.count..<scratch.count)
            }
            for name in [ClipVocabulary.SpecialNames.openAI.start, ClipVocabulary.SpecialNames.openAI.end] {
                try appendNamed(name)
            }
        } catch {
            throw TokenFileProblem(reason: "line \(number): \(error.reason)")
        }
    }
}

/// The lines of a text, without their ends and without an empty last one.
struct MergeLines: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Throws when the bytes are not UTF-8.
    static func check(_ bytes: [UInt8]) throws(TokenFileProblem) {
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw TokenFileProblem(reason: "the file is not UTF-8 text")
        }
    }

    mutating func next() -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let start = position
        let end = bytes[position...].firstIndex(of: 0x0A) ?? bytes.count
        position = end + 1
        return start..<(end > start && bytes[end - 1] == 0x0D ? end - 1 : end)
    }
}
