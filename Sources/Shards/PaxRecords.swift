/// The records of a PAX extended header that say where a member is: path, size, and whether it is sparse.
struct PaxRecords: Hashable {
    /// `path`, if the header states one that is not empty.
    private(set) var path: [UInt8]?
    /// `size`, if stated.
    private(set) var byteCount: Int64?
    /// Whether any `GNU.sparse.` record is present, in which case the member's bytes are a map and fragments.
    private(set) var isSparse = false

    /// Reads records of the form `LENGTH KEY=VALUE\n`, LENGTH counting the whole record in decimal.
    init(_ bytes: [UInt8]) throws(TarDamage) {
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            // Old writers pad the data with NULs.
            if rest.allSatisfy({ $0 == 0 }) { break }
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits.isEmpty, digits.count <= 10, let length = PaxRecords.decimal(digits),
                length > digits.count + 2, length <= rest.count
            else { throw TarDamage(.tarExtendedHeader, "a record of an extended header has an impossible length") }
            let record = rest.prefix(Int(length))
            guard record[digits.endIndex] == UInt8(ascii: " "), record.last == UInt8(ascii: "\n"),
                let equals = record[digits.endIndex...].firstIndex(of: UInt8(ascii: "="))
            else { throw TarDamage(.tarExtendedHeader, "a record of an extended header is not 'LENGTH KEY=VALUE'") }
            let key = record[(digits.endIndex + 1)..<equals]
            let value = record[(equals + 1)..<(record.endIndex - 1)]
            try take(key: key, value: value)
            index += Int(length)
        }
    }

    private mutating func take(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>) throws(TarDamage) {
        if key.elementsEqual("path".utf8) {
            path = value.isEmpty ? nil : Array(value)
        } else if key.elementsEqual("size".utf8) {
            guard !value.isEmpty else {
                byteCount = nil
                return
            }
            guard value.count <= 19, let number = PaxRecords.decimal(value) else {
                throw TarDamage(.tarNumber, "the size in an extended header is not a number that fits 63 bits")
            }
            byteCount = number
        } else if key.starts(with: "GNU.sparse.".utf8) {
            isSparse = true
        }
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = tens.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            guard !overflow, !overflow2 else { return nil }
            value = sum
        }
        return value
    }
}
