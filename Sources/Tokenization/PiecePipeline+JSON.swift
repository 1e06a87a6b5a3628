extension PiecePipeline {
    /// Reads `normalizer` and `pre_tokenizer` of a `tokenizer.json`. A step that this program does not have is refused, and so
    /// is a pattern: half a pipeline gives other ids.
    init(normalizer: JSONValue?, preTokenizer: JSONValue?) throws(TokenFileProblem) {
        changes = []
        cuts = []
        for step in Self.steps(normalizer, key: "normalizers") { changes.append(try Self.change(step)) }
        for step in Self.steps(preTokenizer, key: "pretokenizers") {
            guard let cut = Self.cut(step) else {
                throw TokenFileProblem(unsupported: "its pre-tokenizer “\(Self.type(step))” is not supported")
            }
            if case .metaspace(.first, _) = cut, !cuts.isEmpty {
                throw TokenFileProblem(unsupported: "its pre-tokenizer “Metaspace” with “first” is not the first step")
            }
            cuts.append(cut)
        }
    }

    private static func type(_ step: JSONValue) -> String { String((step["type"]?.text ?? "").prefix(64)) }

    private static func steps(_ value: JSONValue?, key: String) -> [JSONValue] {
        guard let value else { return [] }
        return value["type"]?.text == "Sequence" ? value[key]?.items ?? [] : [value]
    }

    /// The bytes of sentencepiece's character map in a normaliser; empty when it has none.
    static func characterMapBytes(_ normalizer: JSONValue?) throws(TokenFileProblem) -> [UInt8] {
        for step in steps(normalizer, key: "normalizers") where type(step) == "Precompiled" {
            return try characterMapBytes(of: step)
        }
        return []
    }

    private static func characterMapBytes(of step: JSONValue) throws(TokenFileProblem) -> [UInt8] {
        guard let text = step["precompiled_charsmap"]?.text, let bytes = Base64.decoded(text) else {
            throw TokenFileProblem(reason: "precompiled_charsmap is not Base64")
        }
        return bytes
    }

    private static func change(_ step: JSONValue) throws(TokenFileProblem) -> Change {
        switch type(step) {
        case "Precompiled":
            let bytes = try characterMapBytes(of: step)
            do throws(CharacterMap.Refusal) {
                return .characterMap(try CharacterMap(bytes[...]))
            } catch {
                throw TokenFileProblem(reason: error.description)
            }
        case "Lowercase": return .lowercase
        case "NFC": return .composed
        case "Strip":
            return .stripped(atStart: step["strip_left"]?.flag ?? true, atEnd: step["strip_right"]?.flag ?? true)
        case "Prepend":
            if let prefix = step["prepend"]?.text { return .prefixed(Array(prefix.utf8)) }
        case "Replace":
            if let new = step["content"]?.text, let change = replacement(step, Array(new.utf8)) { return change }
            let pattern = step["pattern"]?["Regex"]?.text ?? step["pattern"]?["String"]?.text ?? ""
            throw TokenFileProblem(
                unsupported: "its normalizer replaces the unsupported pattern “\(pattern.prefix(64))”")
        default: break
        }
        throw TokenFileProblem(unsupported: "its normalizer “\(type(step))” is not supported")
    }

    private static func replacement(_ step: JSONValue, _ new: [UInt8]) -> Change? {
        if let old = step["pattern"]?["String"]?.text { return .replaced(Array(old.utf8), with: new) }
        switch step["pattern"]?["Regex"]?.text {
        case " {2,}": return .replacedRuns(.space, minimumCount: 2, with: new)
        case #"\s+"#: return .replacedRuns(.whiteSpace, minimumCount: 1, with: new)
        case let pattern? where new.isEmpty:
            // Removing each character and removing runs of them is the same.
            return CharacterClass(pattern: pattern).map { .replacedRuns($0, minimumCount: 1, with: new) }
        default: return nil
        }
    }

    private static func cut(_ step: JSONValue) -> Cut? {
        switch type(step) {
        case "WhitespaceSplit": return .atWhiteSpace
        case "Metaspace":
            guard step["replacement"]?.text == "\u{2581}" else { return nil }
            let cuts = step["split"]?.flag ?? true
            switch step["prepend_scheme"]?.text {
            case "always": return .metaspace(prefix: .always, cuts: cuts)
            case "first": return .metaspace(prefix: .first, cuts: cuts)
            case "never": return .metaspace(prefix: .never, cuts: cuts)
            case nil:
                // Older files have this flag only.
                return .metaspace(prefix: step["add_prefix_space"]?.flag ?? true ? .always : .never, cuts: cuts)
            default: return nil
            }
        case "Split":
            guard step["pattern"]?["String"]?.text == " ", step["behavior"]?.text == "MergedWithPrevious",
                step["invert"]?.flag != true
            else { return nil }
            return .behindSpaces
        default: return nil
        }
    }
}

/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
    /// The bytes of a text, or nil when it is not Base64.
    static func decoded(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3)
        var (bits, bitCount, paddingCount, count): (UInt32, UInt32, Int, Int) = (0, 0, 0, 0)
        for byte in text.utf8 {
            count += 1
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte + 4
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="):
                paddingCount += 1
                continue
            default: return nil
            }
            guard paddingCount == 0 else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
            }
        }
        return count % 4 == 0 && paddingCount <= 2 ? bytes : nil
    }
}
