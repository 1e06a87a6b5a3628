import ByteFormats
import Foundation
import Kernels

/// The tensors of a checkpoint, in one safetensors file or in the shards an index lists.
struct ForeignTensors: Sendable {
    /// A tensor and where it is.
    struct Place: Sendable {
        let file: SafetensorsFile
        let entry: SafetensorsHeader.Entry

        /// F32, F16 or BF16 where it is in the mapped file; nil for other types, and where it is not aligned.
        func mapped() throws(ByteFormatError) -> WeightRegion? {
            try file.withBytes(of: entry) { [file, entry] bytes in
                unsafe bytes.withUnsafeBytes { bytes in
                    guard let base = bytes.baseAddress else { return nil }
                    func isAligned<Element>(to type: Element.Type) -> Bool {
                        Int(bitPattern: base) % MemoryLayout<Element>.alignment == 0
                    }
                    // A view keeps the file, and with it the mapping; the header was checked against the file's size.
                    func halves(_ format: HalfBuffer.Format) -> WeightRegion {
                        let halves = unsafe base.assumingMemoryBound(to: UInt16.self)
                        return unsafe WeightRegion(
                            HalfBuffer(viewing: halves, count: entry.elementCount, format, of: file))
                    }
                    switch entry.element {
                    case .float32 where isAligned(to: Float.self):
                        let floats = unsafe base.assumingMemoryBound(to: Float.self)
                        let buffer = unsafe FloatBuffer(viewing: floats, count: entry.elementCount, of: file)
                        return WeightRegion(FloatRegion(buffer))
                    case .float16 where isAligned(to: UInt16.self): return halves(.float16)
                    case .bfloat16 where isAligned(to: UInt16.self): return halves(.bfloat16)
                    default: return nil
                    }
                }
            }
        }

        /// Whether no value is infinite or NaN; tensors of integers have none such.
        func isFinite() throws(ByteFormatError) -> Bool {
            switch entry.element {
            case .float32, .float64, .float16, .bfloat16: break
            default: return true
            }
            if let mapped = try mapped() { return mapped.isFinite }
            // Values are looked at while they are in the cache.
            let buffer = FloatBuffer(count: min(1 << 16, entry.elementCount))
            var start = 0
            while start < entry.elementCount {
                let run = start..<min(start + buffer.count, entry.elementCount)
                try buffer.withMutableSpan(of: 0..<run.count) { span throws(ByteFormatError) in
                    try file.copyFloats(of: entry, elements: run, into: &span)
                }
                guard RowKernels.isFinite(FloatRegion(buffer, offset: 0, count: run.count)) else { return false }
                start = run.upperBound
            }
            return true
        }
    }

    /// File names, relative to the folder.
    let fileNames: [String]
    /// All names, sorted, without a `module.` that all of them begin with.
    let names: [String]
    private let placeByName: [String: Place]

    /// The tensor of a name.
    subscript(name: String) -> Place? { placeByName[name] }

    /// Opens the files of a model folder: one safetensors file, or an index followed by its shards.
    init(folder: String, fileNames: [String]) throws(EncodersError) {
        guard fileNames.count > 1 else {
            try self.init(folder: folder, fileName: fileNames[0])
            return
        }
        try self.init(folder: folder, indexName: fileNames[0])
        guard self.fileNames == fileNames else {
            throw EncodersError(
                .weightMismatch, "lists other shards than \(DualEncoder.descriptionFileName); import the model again",
                at: folder + "/" + fileNames[0])
        }
    }

    /// Opens one file of `folder`.
    init(folder: String, fileName: String) throws(EncodersError) {
        let file = try Self.open(folder, fileName)
        fileNames = [fileName]
        placeByName = Self.stripped(
            Dictionary(
                file.header.entries.map { ($0.name, Place(file: file, entry: $0)) }, uniquingKeysWith: { $1 }))
        names = placeByName.keys.sorted()
    }

    /// Opens the shards of an index; each tensor must be in the one shard that the index names, and nowhere else.
    init(folder: String, indexName: String) throws(EncodersError) {
        struct Index: Decodable {
            enum CodingKeys: String, CodingKey {
                case weightMap = "weight_map"
            }

            let weightMap: [String: String]
        }
        let path = folder + "/" + indexName
        let index: Index
        do {
            index = try JSONDecoder().decode(Index.self, from: ForeignFile.data(path))
        } catch {
            throw EncodersError(
                .fileAccess, "is not an index of shards; copy the folder again", at: path, cause: error)
        }
        let shardNames = Set(index.weightMap.values).sorted()
        for name in shardNames where !ForeignFile.isPlainName(name) || !name.hasSuffix(".safetensors") {
            throw EncodersError(
                .fileAccess,
                "names the shard '\(name)', which is not a plain name of a safetensors file in this folder; nothing else is ever opened",
                at: path)
        }
        var found: [String: Place] = [:]
        var problems: [String] = []
        for shardName in shardNames {
            let file = try Self.open(folder, shardName)
            for entry in file.header.entries {
                if index.weightMap[entry.name] == nil {
                    problems.append("'\(entry.name)' of \(shardName) is not in the index")
                } else if found.updateValue(Place(file: file, entry: entry), forKey: entry.name) != nil {
                    problems.append("'\(entry.name)' is in two shards")
                } else if index.weightMap[entry.name] != shardName {
                    problems.append("'\(entry.name)' is in \(shardName), not where the index says")
                }
            }
        }
        problems += index.weightMap.keys.sorted().filter { found[$0] == nil }.map { "'\($0)' is in no shard" }
        guard problems.isEmpty else {
            throw EncodersError(
                .weightMismatch, "\(problems.joined(separator: "; ")): copy the index and all shards again", at: path)
        }
        fileNames = [indexName] + shardNames
        placeByName = Self.stripped(found)
        names = placeByName.keys.sorted()
    }

    private static func open(_ folder: String, _ name: String) throws(EncodersError) -> SafetensorsFile {
        do {
            return try SafetensorsFile(path: folder + "/" + name)
        } catch {
            throw EncodersError(
                .fileAccess, "the weights could not be read; copy the file again", at: folder + "/" + name, cause: error
            )
        }
    }

    /// Data-parallel training leaves a prefix.
    private static func stripped(_ places: [String: Place]) -> [String: Place] {
        let prefix = "module."
        guard !places.isEmpty, places.keys.allSatisfy({ $0.hasPrefix(prefix) }) else { return places }
        return Dictionary(uniqueKeysWithValues: places.map { (String($0.dropFirst(prefix.count)), $1) })
    }
}

/// Small files of a foreign folder.
enum ForeignFile {
    /// More than any description or index has.
    static let maximumByteCount = 64 << 20

    /// Whether a name stays in its folder: no separators, not hidden, not a parent.
    static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.contains("/") && !name.contains("\\")
            && !name.unicodeScalars.contains("\0")
    }

    /// The bytes of a file of at most `maximumByteCount`.
    static func data(_ path: String) throws -> Data {
        let byteCount = try Folder.byteCount(ofFile: path)
        guard byteCount <= maximumByteCount else {
            throw EncodersError(
                .fileAccess, "has \(byteCount) bytes, at most \(maximumByteCount) are read", at: path)
        }
        return try Data(contentsOf: URL(fileURLWithPath: path))
    }

    /// The object that a JSON file holds.
    static func object(_ path: String) throws(EncodersError) -> [String: JSONValue] {
        do {
            return try JSONDecoder().decode([String: JSONValue].self, from: data(path))
        } catch {
            throw EncodersError(
                .fileAccess, "could not be read as a JSON object; copy the file again", at: path, cause: error)
        }
    }
}
