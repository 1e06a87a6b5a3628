import Samples

/// A sample that a manifest states. Nothing of its image has been looked at.
public struct ManifestItem: Hashable, Sendable {
    /// What the manifest says of an image.
    public enum Image: Hashable, Sendable {
        /// A file, by its path relative to the root, as text (see `TextFromBytes`).
        case file(String)
        /// Nothing that can be opened, and why.
        case none(ShardError.Code, String)
    }

    /// The key.
    public let key: String
    /// The image.
    public let image: Image
    /// Captions and attributes.
    public internal(set) var captions: [String]
    /// Attributes in the order of the columns.
    public let attributes: [Attribute]
    /// Offset in the manifest of the first row that states it.
    public let offset: Int64
    /// Number of the image in its row, from 0.
    public let number: Int

    /// A named value.
    public struct Attribute: Hashable, Sendable {
        /// Name of the column.
        public let name: String
        /// Its value.
        public let value: SampleTexts.Scalar
    }

    /// The path that stands for it in the catalog: that of the image, or nothing.
    public var path: String { if case .file(let path) = image { path } else { "" } }

    /// A digest over everything the manifest says of it and the size and time of its image.
    public func signature(facts: FileFacts?) -> Digest {
        var hasher = DigestHasher()
        hasher.update(field: "vlmpipe manifest item 1")
        hasher.update(field: key)
        switch image {
        case .file(let path): hasher.update(field: path)
        case .none(let code, let reason):
            hasher.update(field: code.rawValue)
            hasher.update(field: reason)
        }
        hasher.update(number: UInt64(bitPattern: facts?.byteCount ?? -1))
        hasher.update(number: UInt64(bitPattern: facts?.modifiedNanoseconds ?? -1))
        hasher.update(number: UInt64(captions.count))
        for caption in captions { hasher.update(field: caption) }
        for attribute in attributes {
            hasher.update(field: attribute.name)
            switch attribute.value {
            case .integer(let value): hasher.update(field: "i\(value)")
            case .real(let value): hasher.update(number: value.bitPattern)
            case .text(let value): hasher.update(field: "t" + value)
            }
        }
        return hasher.finalize()
    }
}

/// Reads the samples of a manifest in the order of its rows; memory does not grow with their number.
///
/// Neighbouring rows with the same image and key are one sample with all their captions and the attributes of the first.
/// With several image columns each image of a row is a sample of its own, `KEY.1`, `KEY.2` …, with the attribute
/// `item` = KEY; if a row has one image its key is KEY.
public struct ManifestReader: ~Copyable {
    private let manifest: Manifest
    private let rootPath: String
    private let base: String
    private var records: DelimitedRecords?
    private var lines: JSONLines?
    private var images: JSONFileScanner?
    private var waiting: ArraySlice<ManifestItem> = []
    private var hasEnded = false

    /// Most images of one row.
    static let maximumImageCount = 256

    init(manifest: Manifest, rootPath: String, base: String, offset: Int64) {
        self.manifest = manifest
        self.rootPath = rootPath
        self.base = base
        switch manifest.format {
        case .delimited(let delimiter):
            records = DelimitedRecords(
                file: manifest.file, encoding: manifest.encoding, delimiter: delimiter, offset: offset,
                limits: manifest.limits)
        case .jsonLines:
            lines = JSONLines(
                file: manifest.file, encoding: manifest.encoding, offset: offset, limits: manifest.limits)
        case .captionAnnotations:
            images = JSONFileScanner(file: manifest.file, offset: offset, limits: manifest.limits)
        }
    }

    /// The next sample; `nil` at the end. Throws if the file cannot be read, or is no longer JSON in its outline.
    public mutating func next() throws(ShardError) -> ManifestItem? {
        while waiting.count < 2, !hasEnded {
            guard let row = try nextRow() else {
                hasEnded = true
                break
            }
            let items = try row.items(in: manifest, rootPath: rootPath, base: base)
            if items.count == 1, var last = waiting.last, last.number == 0, last.key == items[0].key,
                case .file = last.image, last.image == items[0].image
            {
                let room = SampleTexts.maximumCaptionCount - last.captions.count
                last.captions += items[0].captions.prefix(max(0, room))
                waiting[waiting.endIndex - 1] = last
            } else {
                waiting += items
            }
        }
        return waiting.popFirst()
    }

    private mutating func nextRow() throws(ShardError) -> ManifestRow? {
        if let record = try records?.next() {
            return ManifestRow(record, names: manifest.cellNames)
        }
        if let line = try lines?.next() { return ManifestRow(line) }
        if let element = try images?.nextElement() {
            var row = ManifestRow(element)
            if let id = CaptionAnnotations.identity(row.fields["id"]) {
                row.extraCaptions = try manifest.annotations?.captions(ofImage: id) ?? []
            }
            return row
        }
        return nil
    }
}

/// One row of any kind of manifest.
struct ManifestRow {
    let offset: Int64
    private(set) var names: [String] = []
    private(set) var fields: [String: JSONFields.Value] = [:]
    private(set) var problem: String?
    var extraCaptions: [String] = []

    init(_ record: DelimitedRecords.Record, names: [String]) {
        offset = record.offset
        problem = record.problem
        if problem == nil, record.cells.count > names.count {
            problem = "the row has \(record.cells.count) cells, the heading \(names.count)"
        }
        for (name, cell) in zip(names, record.cells) where fields[name] == nil {
            self.names.append(name)
            fields[name] = .scalar(.text(String(decoding: cell, as: UTF8.self)))
        }
    }

    init(_ line: JSONLines.Line) {
        offset = line.offset
        switch line.fields {
        case .success(let object):
            names = object.names
            fields = object.values
        case .failure(let problem): self.problem = problem.reason
        }
    }

    init(_ element: JSONFileScanner.Element) {
        offset = element.offset
        switch element.content {
        case .object(let object):
            names = object.names
            fields = object.values
        case .invalid(let reason): problem = reason
        case nil: problem = "this is no JSON object"
        }
    }

    /// The samples it states; one without an image if it is malformed.
    func items(in manifest: Manifest, rootPath: String, base: String) throws(ShardError) -> [ManifestItem] {
        let columns = manifest.columns
        if let problem { return [bad("", .rowInvalid, problem)] }
        var images: [String] = []
        for name in columns.images {
            switch fields[name] {
            case .texts(let texts): images += texts
            case .scalar(let scalar): images.append(scalar.plainText)
            case .other, nil: break
            }
        }
        images = images.map(SampleTexts.cleaned).filter { !$0.isEmpty }
        let statedKey = columns.key.flatMap(text)
        guard let first = images.first else {
            return [bad(statedKey ?? "", .imageMissing, "no image is named in the row")]
        }
        let key = statedKey ?? ManifestRow.key(ofImage: first)
        let isItemized = columns.images.count > 1 || images.count > 1
        let captions = captions(manifest)
        let attributes = attributes(columns, item: isItemized ? key : nil)
        return images.prefix(ManifestReader.maximumImageCount).enumerated().map { number, image in
            ManifestItem(
                key: images.count > 1 ? "\(key).\(number + 1)" : key,
                image: ManifestRow.image(image, rootPath: rootPath, base: base), captions: captions,
                attributes: attributes, offset: offset, number: number)
        }
    }

    private func bad(_ key: String, _ code: ShardError.Code, _ reason: String) -> ManifestItem {
        ManifestItem(
            key: key, image: .none(code, "\(reason) (row at byte \(offset))"), captions: [], attributes: [],
            offset: offset, number: 0)
    }

    private func text(_ name: String) -> String? {
        guard case .scalar(let scalar)? = fields[name] else { return nil }
        let text = SampleTexts.cleaned(scalar.plainText)
        return text.isEmpty ? nil : text
    }

    private func captions(_ manifest: Manifest) -> [String] {
        var captions: [String] = []
        if let template = manifest.options.captionTemplate {
            captions.append(
                template.caption { wanted in
                    text(wanted)
                        ?? names.first { ManifestColumns.folded($0) == ManifestColumns.folded(wanted) }.flatMap(text)
                })
        }
        for name in manifest.columns.captions {
            switch fields[name] {
            case .texts(let texts): captions += texts
            case .scalar(let scalar): captions.append(scalar.plainText)
            case .other, nil: break
            }
        }
        return (captions + extraCaptions).map(SampleTexts.cleaned).filter { !$0.isEmpty }
    }

    private func attributes(_ columns: ManifestColumns, item: String?) -> [ManifestItem.Attribute] {
        let used = Set(columns.images + columns.captions)
        var attributes: [ManifestItem.Attribute] = []
        if let item { attributes.append(ManifestItem.Attribute(name: "item", value: .text(item))) }
        for name in names where !used.contains(name) && name != columns.key && !name.isEmpty {
            guard case .scalar(let value)? = fields[name], let typed = value.typed else { continue }
            attributes.append(ManifestItem.Attribute(name: name, value: typed))
        }
        return attributes
    }

    /// The path without its last extension, without what stands for no folder at its start.
    private static func key(ofImage name: String) -> String {
        let parts = withoutScheme(name).utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
        return TextFromBytes.text(ofBytes: SampleKey.inFolder(Array(parts.joined(separator: "/".utf8))).key)
    }

    private static func withoutScheme(_ name: String) -> String {
        name.utf8.starts(with: "file://".utf8) ? String(decoding: name.utf8.dropFirst(7), as: UTF8.self) : name
    }

    private static func image(_ name: String, rootPath: String, base: String) -> ManifestItem.Image {
        let plain = withoutScheme(name)
        // The first slash is the one of "://".
        let beforeSlash = plain.utf8.prefix { $0 != UInt8(ascii: "/") }
        if beforeSlash.last == UInt8(ascii: ":"), plain.utf8.dropFirst(beforeSlash.count).starts(with: "//".utf8) {
            return .none(
                .imageIsAddress,
                "the image is a web address; download the images first, for example with img2dataset, and ingest what "
                    + "it writes: \(plain.prefix(200))")
        }
        guard plain.utf8.count <= 4096, !plain.utf8.contains(0) else {
            return .none(.pathTooLong, "the path of the image is longer than 4096 bytes or holds a NUL")
        }
        return .file(TextFromBytes.text(ofBytes: SourcePath.relative(ofFile: plain, base: base, root: rootPath).utf8))
    }
}

extension SampleTexts.Scalar {
    /// As it would stand in a cell.
    var plainText: String {
        switch self {
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let value): value
        }
    }

    /// The value of a cell as a number if it is written like one, and `nil` if it is empty. A number with leading zeros is
    /// a text: it is rather a code.
    var typed: SampleTexts.Scalar? {
        guard case .text(let text) = self else { return self }
        let cleaned = SampleTexts.cleaned(text)
        let bytes = Array(cleaned.utf8)
        guard let first = bytes.first else { return nil }
        let digits = first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes[...]
        let isDigit = { (byte: UInt8) in byte >= 0x30 && byte <= 0x39 }
        guard let leading = digits.first, isDigit(leading), bytes.last.map(isDigit) == true,
            leading != 0x30 || digits.count == 1 || !isDigit(digits[digits.startIndex + 1])
        else { return .text(cleaned) }
        if digits.allSatisfy(isDigit) { return Int64(cleaned).map { .integer($0) } ?? .text(cleaned) }
        guard digits.allSatisfy({ isDigit($0) || ".eE+-".utf8.contains($0) }), let value = Double(cleaned),
            value.isFinite
        else { return .text(cleaned) }
        return .real(value)
    }
}
