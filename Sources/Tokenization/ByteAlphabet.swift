/// The printable stand-ins for the 256 bytes that GPT-2 introduced and CLIP's files use.
///
/// Printable Latin-1 bytes stand for themselves, in the order 0x21–0x7E, 0xA1–0xAC, 0xAE–0xFF; the other 68 follow in
/// increasing order as U+0100, U+0101, … This order also defines the ids of the base symbols.
struct ByteAlphabet: Sendable {
    /// The marker that HF-format files append to the last symbol of a pre-token.
    static let endOfWordSuffix = "</w>"

    /// Position in the alphabet for each byte.
    let rankOfByte: [Int32]
    /// Byte for each position in the alphabet.
    let byteOfRank: [UInt8]
    /// Stand-in for each byte.
    let scalarOfByte: [Unicode.Scalar]

    init() {
        let printable = Array(UInt8(0x21)...0x7E) + Array(UInt8(0xA1)...0xAC) + Array(UInt8(0xAE)...0xFF)
        var isPrintable = [Bool](repeating: false, count: 256)
        for byte in printable { isPrintable[Int(byte)] = true }
        let rest = (0...255).map { UInt8($0) }.filter { !isPrintable[Int($0)] }
        byteOfRank = printable + rest
        var ranks = [Int32](repeating: 0, count: 256)
        var scalars = [Unicode.Scalar](repeating: " ", count: 256)
        for (rank, byte) in byteOfRank.enumerated() {
            ranks[Int(byte)] = Int32(rank)
            let value = rank < printable.count ? UInt32(byte) : 0x100 + UInt32(rank - printable.count)
            scalars[Int(byte)] = Unicode.Scalar(value) ?? " "
        }
        rankOfByte = ranks
        scalarOfByte = scalars
    }

    /// The printable form of some bytes.
    func text(_ bytes: some Sequence<UInt8>) -> String {
        var result = String.UnicodeScalarView()
        for byte in bytes { result.append(scalarOfByte[Int(byte)]) }
        return String(result)
    }
}
