import Kernels
import Tensors
/// stub
public final class ImageTowerSlice {
    /// stub
    public init(architecture: DualEncoderArchitecture, maximumRowCount: Int) {}
    /// stub
    public func forward(pixels: [UInt8], rowCount: Int, parameters: FloatBuffer, embeddings: FloatBuffer, at rowOffset: Int) {}
    /// stub
    public func backward(embeddingGradient: FloatBuffer, at rowOffset: Int, parameters: FloatBuffer, gradient: FloatBuffer) {}
}
/// stub
public final class TextTowerSlice {
    /// stub
    public init(architecture: DualEncoderArchitecture, maximumRowCount: Int) {}
    /// stub
    public func forward(tokens: [[Int32]], parameters: FloatBuffer, embeddings: FloatBuffer, at rowOffset: Int) {}
    /// stub
    public func backward(embeddingGradient: FloatBuffer, at rowOffset: Int, parameters: FloatBuffer, gradient: FloatBuffer) {}
}
