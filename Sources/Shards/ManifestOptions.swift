/// How a user says a manifest is to be read.
public struct ManifestOptions: Hashable, Sendable {
    /// Columns that name images; empty to find one by its name.
    public var imageColumns: [String] = []
    /// Columns that hold captions; empty to find them by name, unless there is a template.
    public var captionColumns: [String] = []
    /// A caption made of several columns.
    public var captionTemplate: CaptionTemplate?
    /// The column that holds keys; `nil` to find one by its name, else the key is the image's path without extension.
    public var keyColumn: String?
    /// The folder that image paths are relative to; `nil` for that of the manifest.
    public var base: String?
    /// What separates cells; `nil` to find out.
    public var delimiter: UInt8?

    /// Everything found out by itself.
    public init() {}

    /// Whether everything is found out by itself.
    public var isStandard: Bool { self == ManifestOptions() }

    /// Reads a delimiter as a user writes it: one ASCII character, or `tab`.
    public static func delimiter(_ text: String) throws(ShardError) -> UInt8 {
        if text == "tab" || text == "\\t" { return UInt8(ascii: "\t") }
        guard text.utf8.count == 1, let byte = text.utf8.first, byte < 0x7F, byte >= 0x20 || byte == 0x09,
            byte != UInt8(ascii: "\"")
        else {
            throw ShardError(
                .manifestInvalid, "A delimiter is one character such as ',' or ';', or 'tab', not '\(text)'.")
        }
        return byte
    }
}

/// Which columns of a manifest are what.
public struct ManifestColumns: Hashable, Sendable {
    /// Columns that name images, in order.
    public let images: [String]
    /// Columns that hold captions.
    public let captions: [String]
    /// The column that holds keys.
    public let key: String?
    /// All the others, which become attributes.
    public let attributes: [String]

    static let imageNames = [
        "image", "images", "image_path", "imagepath", "img", "img_path", "filepath", "file_path", "file_name",
        "filename",
        "path", "file", "picture", "photo", "image_file", "image_filename", "image_name", "jpg", "png", "url",
        "image_url",
    ]
    static let captionNames = [
        "caption", "captions", "text", "title", "description", "alt", "alt_text", "sentence", "comment", "prompt",
    ]
    static let keyNames = ["key", "__key__", "id", "sku", "uid", "item_id", "product_id"]

    /// Finds the columns; names are compared without regard to case and outer spaces. Throws `manifestInvalid` naming the
    /// columns there are.
    init(all: [String], options: ManifestOptions, path: String) throws(ShardError) {
        func find(_ wanted: String, _ what: String) throws(ShardError) -> String {
            if let name = all.first(where: { $0 == wanted })
                ?? all.first(where: { ManifestColumns.folded($0) == ManifestColumns.folded(wanted) })
            {
                return name
            }
            throw ManifestColumns.missing("There is no column '\(wanted)' for \(what)", all, path)
        }
        func guess(_ names: [String]) -> String? {
            for name in names {
                if let found = all.first(where: { ManifestColumns.folded($0) == name }) { return found }
            }
            return nil
        }
        var images: [String] = []
        for name in options.imageColumns { images.append(try find(name, "images")) }
        if images.isEmpty, let name = guess(ManifestColumns.imageNames) { images = [name] }
        guard !images.isEmpty else {
            throw ManifestColumns.missing(
                "No column is called as those that name images; say which: --image-column", all, path)
        }
        self.images = images
        var captions: [String] = []
        for name in options.captionColumns { captions.append(try find(name, "captions")) }
        if captions.isEmpty, options.captionTemplate == nil {
            captions = all.filter { ["caption", "captions"].contains(ManifestColumns.folded($0)) }
            if captions.isEmpty, let name = guess(ManifestColumns.captionNames) { captions = [name] }
        }
        self.captions = captions
        for name in options.captionTemplate?.columns ?? [] { _ = try find(name, "the caption template") }
        let key: String?
        if let name = options.keyColumn {
            key = try find(name, "keys")
        } else {
            key = guess(ManifestColumns.keyNames).flatMap { images.contains($0) || captions.contains($0) ? nil : $0 }
        }
        self.key = key
        let used = Set(images + captions)
        attributes = all.filter { !used.contains($0) && $0 != key }
    }

    static func folded(_ name: String) -> String {
        String(name.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()).lowercased()
    }

    private static func missing(_ what: String, _ all: [String], _ path: String) -> ShardError {
        let shown = all.prefix(40).map { "'\($0)'" }.joined(separator: ", ") + (all.count > 40 ? " …" : "")
        return ShardError(.manifestInvalid, "\(what). The columns are \(shown.isEmpty ? "none" : shown).", path: path)
    }
}
