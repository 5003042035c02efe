import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.xml.crypto.OctetStreamData;
import javax.xml.crypto.URIDereferencer;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * The verifier of the JDK (JSR 105), as a second opinion. Arguments: how often, then for each case three paths: the
 * signed XML, the certificate (DER) and the content of a detached signature ("-": none). One line for each case: the
 * verdict and the median of the warm milliseconds.
 */
public class XmlDsig {
    private static final XMLSignatureFactory FACTORY = XMLSignatureFactory.getInstance("DOM");

    public static void main(String[] arguments) throws Exception {
        int repeat = Integer.parseInt(arguments[0]);
        for (int at = 1; at < arguments.length; at += 3) {
            byte[] signed = Files.readAllBytes(Path.of(arguments[at]));
            byte[] certificate = Files.readAllBytes(Path.of(arguments[at + 1]));
            byte[] content = arguments[at + 2].equals("-") ? null : Files.readAllBytes(Path.of(arguments[at + 2]));
            double[] times = new double[repeat];
            String verdict = "";
            for (int n = -repeat; n < repeat; n++) { // the first half warms the compiler up
                long start = System.nanoTime();
                verdict = verdict(signed, certificate, content);
                times[Math.max(n, 0)] = (System.nanoTime() - start) / 1e6;
            }
            Arrays.sort(times);
            System.out.printf("%s %s%n", verdict, Double.toString(times[repeat / 2]));
        }
    }

    private static String verdict(byte[] signed, byte[] certificate, byte[] content) {
        try {
            return valid(signed, certificate, content) ? "valid" : "invalid";
        } catch (Exception | StackOverflowError error) {
            return "error";
        }
    }

    /** Are all signatures, at least one, valid? */
    private static boolean valid(byte[] signed, byte[] certificate, byte[] content) throws Exception {
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        builders.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        var builder = builders.newDocumentBuilder();
        builder.setErrorHandler(null);
        Document document = builder.parse(new ByteArrayInputStream(signed));
        PublicKey key = CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(certificate)).getPublicKey();
        NodeList elements = document.getElementsByTagName("*");
        for (int n = 0; n < elements.getLength(); n++) {
            Element element = (Element) elements.item(n);
            if (element.hasAttribute("Id")) {
                element.setIdAttribute("Id", true);
            }
        }
        NodeList signatures = document.getElementsByTagNameNS("http://www.w3.org/2000/09/xmldsig#", "Signature");
        for (int n = 0; n < signatures.getLength(); n++) {
            var context = new DOMValidateContext(key, signatures.item(n));
            URIDereferencer usual = FACTORY.getURIDereferencer();
            context.setURIDereferencer((reference, where) ->
                    reference.getURI().isEmpty() || reference.getURI().startsWith("#") || content == null
                            ? usual.dereference(reference, where)
                            : new OctetStreamData(new ByteArrayInputStream(content)));
            if (!FACTORY.unmarshalXMLSignature(context).validate(context)) {
                return false;
            }
        }
        return signatures.getLength() > 0;
    }
}
