import Samples

/// A table of samples: CSV, TSV, JSON lines, or COCO captions. Opened, its form found out, no row kept.
///
///     let manifest = try Manifest(path: "/data/catalogue.csv", options: ManifestOptions())
///     print(manifest.outline)
///     var reader = manifest.reader()
///     while let item = try reader.next() { … }
public struct Manifest: Sendable {
    /// The form of the file.
    public enum Format: Hashable, Sendable {
        /// Rows of cells.
        case delimited(UInt8)
        /// A JSON object on each line.
        case jsonLines
        /// One JSON object with `images` and `annotations`.
        case captionAnnotations
    }

    /// The file.
    public let file: ReadOnlyFile
    /// Its form.
    public let format: Format
    /// Its encoding.
    public let encoding: TextEncoding
    /// Which columns are what.
    public let columns: ManifestColumns
    let options: ManifestOptions
    let limits: ShardLimits
    /// Names of the cells of each row; of JSON lines, those of the first rows.
    let cellNames: [String]
    let firstRowOffset: Int64
    let annotations: CaptionAnnotations?

    /// Rows of JSON lines that are looked at for the names of columns.
    private static let sampledRowCount = 100

    /// Opens a manifest and finds out its form. Throws `manifestInvalid` if it has none, or the options do not fit it.
    public init(
        file: ReadOnlyFile, options: ManifestOptions, limits: ShardLimits = ShardLimits()
    ) throws(ShardError) {
        self.file = file
        self.options = options
        self.limits = limits
        let (encoding, markByteCount) = try TextEncoding.detect(file)
        self.encoding = encoding
        let start = Int64(markByteCount)
        format = try Manifest.format(file, encoding, start, options, limits)
        var names: [String] = []
        switch format {
        case .delimited(let delimiter):
            var records = DelimitedRecords(
                file: file, encoding: encoding, delimiter: delimiter, offset: start, limits: limits)
            let heading = try records.next()
            names = (heading?.cells ?? []).map { String(decoding: $0, as: UTF8.self) }
            firstRowOffset = try records.nextOffset()
            annotations = nil
        case .jsonLines:
            firstRowOffset = start
            annotations = nil
            var lines = JSONLines(file: file, encoding: encoding, offset: start, limits: limits)
            var count = 0
            while count < Manifest.sampledRowCount, let line = try lines.next() {
                if case .success(let fields) = line.fields {
                    for name in fields.names where !names.contains(name) { names.append(name) }
                }
                count += 1
            }
        case .captionAnnotations:
            let annotations = try CaptionAnnotations(file: file, offset: start, limits: limits)
            firstRowOffset = annotations.imagesOffset
            self.annotations = annotations
            var images = JSONFileScanner(file: file, offset: firstRowOffset, limits: limits)
            if case .object(let fields)? = try images.nextElement()?.content { names = fields.names }
        }
        cellNames = names
        var options = options
        if format == .captionAnnotations, options.imageColumns.isEmpty { options.imageColumns = ["file_name"] }
        // The numbers of images mean nothing outside such a file; their names do.
        let columns = try ManifestColumns(all: names, options: options, path: file.path)
        self.columns = columns
    }

    /// Whether a file that holds no samples itself may be a manifest, by its name or its first byte.
    public static func mayBe(path: String, kind: ContentKind, file: ReadOnlyFile) throws(ShardError) -> Bool {
        guard kind == .other else { return false }
        let suffix = String(decoding: SampleKey.inFolder(path.utf8).suffix, as: UTF8.self)
        if ["csv", "tsv", "tab", "psv", "jsonl", "ndjson", "json", "txt"].contains(suffix) { return true }
        let start = try file.bytes(0..<min(64, file.facts.byteCount))
        let first = start.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }.first
        return first == UInt8(ascii: "{")
    }

    private static func format(
        _ file: ReadOnlyFile, _ encoding: TextEncoding, _ start: Int64, _ options: ManifestOptions,
        _ limits: ShardLimits
    ) throws(ShardError) -> Format {
        if let delimiter = options.delimiter { return .delimited(delimiter) }
        var bytes = TextFileBytes(file: file, encoding: encoding, offset: start)
        var first = try bytes.next()
        while let byte = first, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            first = try bytes.next()
        }
        if first == UInt8(ascii: "[") {
            throw ShardError(
                .manifestInvalid,
                "This is one JSON list; write its items as lines: jq -c '.[]' FILE.json > FILE.jsonl", path: file.path)
        }
        if first == UInt8(ascii: "{") {
            var lines = JSONLines(file: file, encoding: encoding, offset: start, limits: limits)
            if case .success(let fields)? = try lines.next()?.fields,
                fields.values["images"] == nil || fields.values["annotations"] == nil
            {
                return .jsonLines
            }
            guard encoding == .utf8 else {
                throw ShardError(.manifestInvalid, "A JSON file must be UTF-8 (RFC 8259).", path: file.path)
            }
            return .captionAnnotations
        }
        return .delimited(
            try DelimitedRecords.delimiter(of: file, encoding: encoding, offset: start, limits: limits))
    }

    /// What was found out, in one line for people.
    public var outline: String {
        var text: String
        switch format {
        case .delimited(let delimiter):
            text = "rows divided by " + (delimiter == 9 ? "tab" : "'\(UnicodeScalar(delimiter))'")
        case .jsonLines: text = "JSON lines"
        case .captionAnnotations: text = "COCO captions"
        }
        func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }
        text += ", \(encoding.rawValue); images from \(list(columns.images))"
        if options.captionTemplate != nil {
            text += "; captions from the template"
        } else if format == .captionAnnotations {
            text += "; captions from the annotations"
        } else if columns.captions.isEmpty {
            text += "; no captions (--caption-column says where they are)"
        }
        if !columns.captions.isEmpty { text += "; captions from \(list(columns.captions))" }
        text += columns.key.map { "; keys from '\($0)'" } ?? "; keys from the images' paths"
        if !columns.attributes.isEmpty { text += "; attributes: \(list(columns.attributes))" }
        return text
    }

    /// Reads its samples from the first.
    ///
    /// - Parameters:
    ///   - rootPath: absolute path that image paths are recorded relative to.
    ///   - base: absolute path that relative image paths start from.
    public func reader(rootPath: String, base: String, offset: Int64? = nil) -> ManifestReader {
        ManifestReader(manifest: self, rootPath: rootPath, base: base, offset: offset ?? firstRowOffset)
    }
}

/// Reads lines that are JSON objects.
struct JSONLines: ~Copyable {
    struct Line {
        let offset: Int64
        let fields: Result<JSONFields, JSONFields.Problem>
    }

    private var bytes: TextFileBytes
    private let limits: ShardLimits

    init(file: ReadOnlyFile, encoding: TextEncoding, offset: Int64, limits: ShardLimits) {
        bytes = TextFileBytes(file: file, encoding: encoding, offset: offset)
        self.limits = limits
    }

    /// The next line that is not empty; `nil` at the end.
    mutating func next() throws(ShardError) -> Line? {
        while true {
            let offset = bytes.offset
            var line: [UInt8] = []
            var isTooLong = false
            var hasEnded = false
            while true {
                guard let byte = try bytes.next() else {
                    hasEnded = true
                    break
                }
                if byte == 0x0A { break }
                if line.count < limits.maximumTextByteCount { line.append(byte) } else { isTooLong = true }
            }
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
                if hasEnded { return nil }
                continue
            }
            if isTooLong {
                let reason = "the line is longer than \(limits.maximumTextByteCount) bytes"
                return Line(offset: offset, fields: .failure(JSONFields.Problem(reason: reason, position: 0)))
            }
            do throws(JSONFields.Problem) {
                return Line(offset: offset, fields: .success(try JSONFields(line[...])))
            } catch {
                return Line(offset: offset, fields: .failure(error))
            }
        }
    }
}
