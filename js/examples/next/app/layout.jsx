import { Providers } from './providers';

export const metadata = { title: 'Next', icons: 'data:,' };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <Providers issuer={process.env.ISSUER ?? 'http://127.0.0.1:9000'}>{children}</Providers>
      </body>
    </html>
  );
}
