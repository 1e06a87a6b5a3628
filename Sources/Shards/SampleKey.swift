/// How names of members and files are divided into the key of a sample and the role of the member.
public enum SampleKey {
    /// A name divided into key and extension.
    public struct Parts: Hashable, Sendable {
        /// What the members of one sample share; any bytes.
        public let key: [UInt8]
        /// The rest without its first dot, ASCII letters in lower case.
        public let suffix: [UInt8]
    }

    /// WebDataset's rule for tars: the key goes up to the first dot after the last slash.
    ///
    /// `nil` for names that belong to no sample: without a dot, or starting with one after the last slash (`a/.x`), and
    /// for names of the form `__x__`, which WebDataset keeps for notes about the shard. A leading `./` is not part of
    /// the key.
    public static func inTar(_ path: some Collection<UInt8>) -> Parts? {
        var bytes = Array(path)
        while bytes.starts(with: [UInt8(ascii: "."), UInt8(ascii: "/")]) { bytes.removeFirst(2) }
        let nameStart = (bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
        let name = bytes[nameStart...]
        guard let dot = name.firstIndex(of: UInt8(ascii: ".")), dot > nameStart else { return nil }
        if bytes.starts(with: "__".utf8), bytes.suffix(2).elementsEqual("__".utf8) { return nil }
        return Parts(key: Array(bytes[..<dot]), suffix: lowercased(bytes[(dot + 1)...]))
    }

    /// The rule for folders: the key is the path without its last extension. A name without an extension, or whose only
    /// dot is its first character, is a key with an empty suffix.
    public static func inFolder(_ path: some Collection<UInt8>) -> Parts {
        let bytes = Array(path)
        let nameStart = (bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
        guard let dot = bytes[nameStart...].lastIndex(of: UInt8(ascii: ".")), dot > nameStart else {
            return Parts(key: bytes, suffix: [])
        }
        return Parts(key: Array(bytes[..<dot]), suffix: lowercased(bytes[(dot + 1)...]))
    }

    /// Whether a file is called as compressed tars are: `a.tar.gz`, `a.tgz`, `a.tar.zst` and the like.
    public static func namesCompressedTar(path: String) -> Bool {
        let name = lowercased(Array(path.utf8)[...])
        return [".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tzst", ".tar.bz2", ".tar.xz"].contains {
            name.reversed().starts(with: $0.utf8.reversed())
        }
    }

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}

/// What a member is used for, by its suffix; images are recognised by content on top of that.
enum MemberRole: Hashable, Sendable {
    /// A caption: `txt` or `caption`.
    case text
    /// Captions and attributes: `json`.
    case record
    /// Anything else.
    case other

    init(suffix: [UInt8]) {
        if suffix.elementsEqual("txt".utf8) || suffix.elementsEqual("caption".utf8) {
            self = .text
        } else if suffix.elementsEqual("json".utf8) {
            self = .record
        } else {
            self = .other
        }
    }

    /// Extensions under which images come; a file called so that is no image by content is reported, not ignored.
    static func namesImage(suffix: [UInt8]) -> Bool {
        let last = suffix.split(separator: UInt8(ascii: ".")).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return [
            "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "hif", "avif",
            "jp2", "jxl", "ppm", "pgm",
        ].contains(last)
    }
}
