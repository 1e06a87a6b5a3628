/// A file name that means nothing but itself, made from a key that may hold anything.
///
/// Slashes, backslashes, control characters and the characters `: * ? " < > |` become `_`; so do a leading dot or
/// hyphen and invisible formatting characters (which could turn the shown order of an extension around). The name has
/// at most 150 bytes of UTF-8 and is never empty, `.` or `..`.
public struct SafeFileName: Hashable, Sendable, CustomStringConvertible {
    /// The name, without folder.
    public let text: String

    /// Longest name before the extension, in bytes of UTF-8: below the 255 of common file systems with room for a
    /// number and an extension.
    public static let maximumByteCount = 150

    /// A name for `key` with an extension, itself made safe.
    public init(key: String, fileExtension: String) {
        self.init(stem: SafeFileName.cleaned(key), fileExtension: SafeFileName.cleaned(fileExtension))
    }

    private let stem: String
    private let fileExtension: String

    private init(stem: String, fileExtension: String, number: Int = 1) {
        self.stem = stem
        self.fileExtension = fileExtension
        text = stem + (number > 1 ? "-\(number)" : "") + (fileExtension.isEmpty ? "" : "." + fileExtension)
    }

    /// The same name with a number from 2 before the extension, for when a name is taken.
    public func numbered(_ number: Int) -> SafeFileName {
        SafeFileName(stem: stem, fileExtension: fileExtension, number: number)
    }

    /// The same as `text`.
    public var description: String { text }

    private static func cleaned(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var byteCount = 0
        for scalar in text.unicodeScalars {
            let kept = isHarmless(scalar) ? scalar : "_"
            byteCount += UTF8.width(kept)
            guard byteCount <= maximumByteCount else { break }
            result.append(kept)
        }
        if let first = result.first, first == "." || first == "-" || first == " " {
            result.replaceSubrange(result.startIndex...result.startIndex, with: ["_"])
        }
        while let last = result.last, last == "." || last == " " { result.removeLast() }
        return result.isEmpty ? "_" : String(result)
    }

    private static func isHarmless(_ scalar: UnicodeScalar) -> Bool {
        if "/\\:*?\"<>|".unicodeScalars.contains(scalar) { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return false
        default: return true
        }
    }
}
